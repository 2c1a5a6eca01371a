/* What the phone's pages share: requests, words, and the socket. ES5 as everywhere. */
(function (root) {
  'use strict';
  var VC = root.VC = {}, socket = null, open = false, wait = 300, timer = 0, listeners = [], number = 0, quiet = 0;

  VC.$ = function (id) { return document.getElementById(id); };
  VC.turn = function (el, name, on) { el.classList[on ? 'add' : 'remove'](name); };
  VC.toast = function (words) {
    var box = VC.$('toast');
    box.textContent = words;
    VC.turn(box, 'in', true);
    clearTimeout(quiet);
    quiet = setTimeout(function () { VC.turn(box, 'in', false); }, 3500);
  };
  VC.ask = function (method, address, body, done, failed) {
    var x = new XMLHttpRequest();
    x.open(method, address, true);
    x.setRequestHeader('Content-Type', 'application/json');
    x.onload = function () {
      var answer;
      try { answer = JSON.parse(x.responseText || '{}'); } catch (e) { answer = {}; }
      if (x.status >= 200 && x.status < 300) { if (done) { done(answer); } }
      else if (failed) { failed(answer); } else { VC.toast(answer.message || 'That did not work.'); }
    };
    x.onerror = function () { (failed || function () { VC.toast('Looking for the gateway'); })({message: 'The gateway does not answer.'}); };
    x.send(body ? JSON.stringify(body) : null);
  };
  VC.each = function (query, act) { Array.prototype.forEach.call(document.querySelectorAll(query), act); };

  function say(m) { for (var i = 0; i < listeners.length; i++) { listeners[i](m); } }
  function connect() {
    clearTimeout(timer);
    if (socket) { return; }
    socket = new WebSocket('ws' + location.protocol.slice(4) + '//' + location.host + '/api/v1/socket?as=phone');
    socket.onopen = function () { open = true; wait = 300; say({t: 'up'}); };
    socket.onmessage = function (e) { var m; try { m = JSON.parse(e.data); } catch (x) { return; } say(m); };
    socket.onclose = function () {
      socket = null;
      if (open) { open = false; say({t: 'down'}); }
      timer = setTimeout(connect, wait * (0.7 + Math.random() * 0.6));
      wait = Math.min(10000, wait * 2);
    };
  }
  /* A command goes now or never: a key that comes late is worse than a lost one. */
  VC.send = function (m) {
    if (!open) { return false; }
    m.id = number += 1;
    socket.send(JSON.stringify(m));
    return true;
  };
  VC.onMessage = function (listener) { listeners.push(listener); };
  VC.connect = function () {
    connect();
    function now() { if (!document.hidden && !socket) { wait = 300; connect(); } }
    document.addEventListener('visibilitychange', now, false);
    root.addEventListener('online', now, false);
  };
  VC.tv = function (id) { try { if (id) { localStorage.setItem('tv', id); } return localStorage.getItem('tv'); } catch (x) { return null; } };
  VC.timeText = function (s) {
    var t = Math.max(0, Math.floor(s)), h = Math.floor(t / 3600), m = Math.floor(t / 60) % 60, q = t % 60;
    return (h ? h + ':' + (m < 10 ? '0' : '') : '') + m + ':' + (q < 10 ? '0' : '') + q;
  };
}(window));
