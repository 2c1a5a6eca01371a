/* Puts a TV page together: its zones, its keys, the clock, and what the phone asks for. */
(function (VC) {
  'use strict';
  var marks = document.querySelectorAll('[data-zone]'), data = VC.$('data'), rails = null, zones = [], i, kind, toasts = 0;
  var body = document.body, isPlayer = VC.has(body, 'player');

  VC.say = function (words) { VC.$('live').textContent = words; };
  VC.toast = function (words) {
    var box = VC.$('toast');
    box.firstChild.textContent = words;
    VC.add(box, 'in');
    clearTimeout(toasts);
    toasts = setTimeout(function () { VC.drop(box, 'in'); }, 4000);
  };

  (function (pics) {
    for (var i = 0; i < pics.length; i++) { VC.fadeIn(pics[i]); }
  }(document.querySelectorAll('.cover .pic,.photo .pic,.art.full .back,.veil .back')));

  function go(href, replaces) { if (replaces) { VC.replace(href); } else { location.href = href; } }

  if (!isPlayer) {
    for (i = 0; i < marks.length; i++) {
      kind = marks[i].getAttribute('data-zone');
      if (kind === 'rails' || kind === 'grid') {
        rails = new VC.Rails(marks[i], JSON.parse(data.textContent), kind === 'grid');
        zones.push(rails);
      } else { zones.push(new VC.Links(marks[i], kind === 'list')); }
    }
    VC.setZones(zones);
    if (!VC.resume(VC.recall('focus'))) { VC.first(); } else if (VC.zone() === rails) { rails.enter(); }
  }

  /* Home: Back goes to the first card, then to the bar, then away. */
  if (VC.has(body, 'home')) {
    VC.onBack = function () {
      if (rails && VC.zone() === rails) {
        if (!rails.isFirst()) { rails.toFirst(); return true; }
        VC.enter(0);
        VC.toast('Back once more leaves');
        return true;
      }
      return false;
    };
  }

  VC.onKeys(function (name, isArrow) {
    if (VC.pageKey && VC.pageKey(name)) { return true; }
    if (isArrow) { return VC.arrow(name); }
    if (name === 'back' || name === 'stop') { return VC.back(); }
    if ((name === 'pageup' || name === 'pagedown') && rails && VC.zone() === rails) { return rails.page(name === 'pageup' ? -2 : 2); }
    if (name === 'phone') { go('/tv/phone'); return true; }
    if ((name === 'play' || name === 'toggle') && VC.focused()) { VC.focused().click(); return true; }
    return false;
  });

  document.addEventListener('click', function (e) {
    var a = e.target, href;
    while (a && a.nodeType === 1 && a.tagName !== 'A') { a = a.parentNode; }
    if (!a || a.nodeType !== 1) { return; }
    href = a.getAttribute('href');
    if (href === '#') { e.preventDefault(); return; }
    VC.remember('focus', VC.keep());
    if (a.getAttribute('data-back') && VC.back()) { e.preventDefault(); return; }
    if (a.getAttribute('data-same') || a.getAttribute('data-replace')) { e.preventDefault(); go(href, true); }
  }, false);

  /* Clock: the server's time, carried on here; the set's own is often wrong. */
  (function () {
    var began = Date.now(), from = +body.getAttribute('data-clock'), el = VC.$('clock');
    VC.nowS = function () { return (from + (Date.now() - began) / 1000) % 86400; };
    VC.clockText = function (s) {
      var h = Math.floor(s / 3600) % 24, m = Math.floor(s / 60) % 60;
      return (h < 10 ? '0' : '') + h + ':' + (m < 10 ? '0' : '') + m;
    };
    setInterval(function () { if (el) { el.textContent = VC.clockText(VC.nowS()); } }, 5000);
  }());

  /* What the phone asks. Play, pause, seek and volume are the player's. */
  var KEYS = {left: 'l', right: 'r', up: 'u', down: 'd'};
  VC.press = function (key) {
    if (key === 'ok') { if (VC.pageKey && VC.pageKey('ok')) { return; } if (VC.focused()) { VC.focused().click(); } }
    else if (key === 'back') { VC.back(); }
    else if (key === 'home') { go('/tv'); }
    else if (key === 'tracks') { if (VC.pageKey) { VC.pageKey('tracks'); } }
    else if (KEYS[key] && !(VC.pageKey && VC.pageKey(KEYS[key]))) { VC.arrow(KEYS[key]); }
  };
  VC.onMessage(function (m) {
    if (m.t === 'key') { VC.keyed = true; VC.press(m.key); }
    else if (m.t === 'open') { go('/tv/play/' + m.item + (m.position_s === null || m.position_s === undefined ? '' : '?start=' + m.position_s), isPlayer); }
    else if (m.t === 'door' && VC.onDoor) { VC.onDoor(m); }
    else if (m.t === 'door' && m.state && m.state !== 'approved') { location.reload(); }
    else if (m.t === 'up' && !isPlayer) { VC.send({t: 'state', item: null, title: '', playing: false, position_s: 0, duration_s: null, volume: null}); }
  });
  if (isPlayer) { VC.startPlayer(JSON.parse(data.textContent)); }
  VC.connect('tv');
  window.addEventListener('pagehide', function () { VC.remember('focus', VC.keep()); }, false);
  VC.ready = true;
}(VC));
