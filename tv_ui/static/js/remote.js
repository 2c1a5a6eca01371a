/* The pad: keys to the chosen TV, what it plays, and its place, run on here between two states. */
(function (VC) {
  'use strict';
  var $ = VC.$, main = document.querySelector('main'), art = main.getAttribute('data-art'), state = null, got = 0, offset = 0, grey = 0, drag = false, shownItem = 0;

  function place() {
    if (!state) { return 0; }
    return state.position_s + (state.playing ? Math.max(0, Date.now() - got + offset) / 1000 : 0);
  }
  function draw() {
    var all = state && state.duration_s, at = Math.min(place(), all || 1e9), none = !state || !state.item;
    $('title').textContent = none ? 'Nothing plays' : state.title;
    $('where').textContent = none ? 'Choose something under Browse, or use the keys.' : VC.timeText(at) + (all ? ' of ' + VC.timeText(all) : '');
    $('line').firstChild.style.width = !none && all ? 100 * at / all + '%' : '0';
    $('seek').disabled = none || !all;
    if (!drag && all) { $('seek').value = Math.round(1000 * at / all); }
    $('play').textContent = state && state.playing ? 'Pause' : 'Play';
    VC.turn($('volume'), 'none', none || state.volume === null || state.volume === undefined);
    if (!none && shownItem !== state.item) {
      shownItem = state.item;
      $('cover').src = art.replace('/0.jpg', '/' + state.item + '.jpg');
      $('cover').onload = function () { VC.turn($('cover'), 'none', false); };
      $('cover').onerror = function () { VC.turn($('cover'), 'none', true); };
    }
    if (none) { VC.turn($('cover'), 'none', true); shownItem = 0; }
  }
  function away(is) {
    clearTimeout(grey);
    if (!is) { VC.turn(document.body, 'away', false); VC.turn(document.body, 'live', true); return; }
    grey = setTimeout(function () {
      VC.turn(document.body, 'away', true);
      VC.turn(document.body, 'live', false);
      VC.toast('Looking for the gateway');
    }, 800);
  }
  function screens(m) {
    var list = $('tv'), i, one, kept = VC.tv();
    list.textContent = '';
    for (i = 0; i < m.screens.length; i++) {
      one = document.createElement('option');
      one.value = m.screens[i].tv;
      one.textContent = m.screens[i].name;
      list.appendChild(one);
    }
    if (!m.screens.length) {
      one = document.createElement('option');
      one.textContent = 'No TV page is open';
      list.appendChild(one);
      state = null;
    }
    VC.turn(document.body, 'live', m.screens.length > 0);
    if (m.to) { list.value = m.to; }
    else if (kept && m.screens.some(function (s) { return s.tv === kept; })) { list.value = kept; VC.send({t: 'to', tv: kept}); }
    draw();
  }
  VC.onMessage(function (m) {
    if (m.t === 'state') {
      state = m;
      got = Date.now();
      offset = Math.max(0, Math.min(1000, m.now_ms - m.at_ms));
      draw();
    } else if (m.t === 'screens') { screens(m); }
    else if (m.t === 'error') { VC.toast(m.message); }
    else if (m.t === 'up') { away(false); }
    else if (m.t === 'down') { away(true); }
  });
  $('tv').onchange = function () { VC.tv(this.value); VC.send({t: 'to', tv: this.value}); };

  function press(key) {
    if (navigator.vibrate) { navigator.vibrate(10); }
    VC.send({t: 'key', key: key});
  }
  /* Touch acts at once; an arrow that is held repeats eight times a second. */
  VC.each('[data-key]', function (b) {
    var key = b.getAttribute('data-key'), arrow = /^(up|down|left|right)$/.test(key), again = 0, touched = false;
    function off() { clearTimeout(again); clearInterval(again); again = 0; }
    function down() {
      press(key);
      if (arrow) { again = setTimeout(function () { again = setInterval(function () { press(key); }, 125); }, 250); }
    }
    b.addEventListener('touchstart', function (e) { e.preventDefault(); touched = true; off(); down(); }, {passive: false});
    b.addEventListener('touchend', off, false);
    b.addEventListener('touchcancel', off, false);
    b.addEventListener('mousedown', function () { if (!touched) { off(); down(); } }, false);
    b.addEventListener('mouseup', off, false);
    b.addEventListener('mouseleave', off, false);
    b.addEventListener('keydown', function (e) { if (e.keyCode === 13 || e.keyCode === 32) { press(key); } }, false);
  });
  /* A swipe over the pad is an arrow. */
  (function () {
    var from = null;
    $('pad').addEventListener('touchstart', function (e) { if (e.target === this) { from = e.touches[0]; } }, {passive: true});
    $('pad').addEventListener('touchend', function (e) {
      var to = e.changedTouches[0], x, y;
      if (!from) { return; }
      x = to.clientX - from.clientX;
      y = to.clientY - from.clientY;
      from = null;
      if (Math.max(Math.abs(x), Math.abs(y)) > 30) { press(Math.abs(x) > Math.abs(y) ? (x < 0 ? 'left' : 'right') : (y < 0 ? 'up' : 'down')); }
    }, {passive: true});
  }());
  function seek(to) { if (state && state.item) { VC.send({t: 'seek', position_s: Math.max(0, to)}); } }
  VC.each('[data-jump]', function (b) { b.onclick = function () { seek(place() + (+b.getAttribute('data-jump'))); }; });
  $('play').onclick = function () { VC.send({t: state && state.playing ? 'pause' : 'play'}); };
  VC.each('[data-volume]', function (b) {
    var by = +b.getAttribute('data-volume');
    b.onclick = function () { if (state) { VC.send({t: 'volume', volume: Math.max(0, Math.min(1, by ? state.volume + by : state.volume ? 0 : 0.6))}); } };
  });
  $('seek').oninput = function () { drag = true; $('line').firstChild.style.width = this.value / 10 + '%'; };
  $('seek').onchange = function () { drag = false; if (state) { seek(state.duration_s * this.value / 1000); } };
  setInterval(draw, 1000);
  VC.connect();
}(VC));
