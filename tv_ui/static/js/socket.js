/* The socket: states out, commands in; comes back by itself. */
(function (VC) {
  'use strict';
  var socket = null, wait = 300, timer = 0, open = false, listeners = [], side = 'tv';

  function say(message) { for (var i = 0; i < listeners.length; i++) { listeners[i](message); } }

  function connect() {
    clearTimeout(timer);
    if (socket || !window.WebSocket) { return; }
    try { socket = new WebSocket('ws' + location.protocol.slice(4) + '//' + location.host + '/api/v1/socket?as=' + side); }
    catch (x) { socket = null; later(); return; }
    socket.onopen = function () { open = true; wait = 300; say({t: 'up'}); };
    socket.onmessage = function (e) {
      var message;
      try { message = JSON.parse(e.data); } catch (x) { return; }
      say(message);
    };
    socket.onclose = function () {
      socket = null;
      if (open) { open = false; say({t: 'down'}); }
      later();
    };
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(connect, wait * (0.7 + Math.random() * 0.6));
    wait = Math.min(10000, wait * 2);
  }

  VC.send = function (message) {
    if (!open) { return false; }
    socket.send(JSON.stringify(message));
    return true;
  };
  VC.onMessage = function (listener) { listeners.push(listener); };
  VC.connect = function (as) {
    side = as;
    connect();
    function now() { if (!socket && !document.hidden) { wait = 300; connect(); } }
    document.addEventListener('visibilitychange', now, false);
    window.addEventListener('online', now, false);
  };

  /* A request: done(answer) or failed(error) with our own {code, message, remedy}. */
  VC.ask = function (method, address, body, done, failed) {
    var x = new XMLHttpRequest();
    x.open(method, address, true);
    x.timeout = 30000;
    if (body) { x.setRequestHeader('Content-Type', 'application/json'); }
    x.onload = function () {
      var answer = null;
      try { answer = x.responseText ? JSON.parse(x.responseText) : {}; } catch (e) { answer = null; }
      if (x.status >= 200 && x.status < 300 && answer) { if (done) { done(answer); } }
      else if (failed) { failed(answer || {code: 'failed', message: 'The gateway answered ' + x.status + '.', remedy: ''}); }
    };
    x.onerror = x.ontimeout = function () {
      if (failed) { failed({code: 'gateway_gone', message: 'The gateway is away; this page waits.', remedy: ''}); }
    };
    x.send(body ? JSON.stringify(body) : null);
    return x;
  };
}(VC));
