/* One item in the video element: asks for a plan, plays it the way this set does best, and asks for another
   way once when that fails. */
(function (VC) {
  'use strict';
  var video = VC.$('video'), mse = null, plan = null, item = 0, tried = 0, wishes = {}, hooks = {}, watch = 0, moved = 0, lastTime = -1;

  function wantsNative(p) {
    return p.package !== 'fmp4' || !p.segments || VC.prefersNative() || !MediaSource.isTypeSupported(p.mime);
  }

  function drop() {
    if (mse) { mse.close(); mse = null; }
    if (video.src) { video.pause(); video.removeAttribute('src'); video.load(); }
  }

  function failed(code, words, remedy) {
    var at = video.currentTime || hooks.from || 0;
    if (code !== 'gateway_gone' && tried < 2 && plan && plan.mode !== 'convert') {
      tried += 1;
      drop();
      load(at, plan.mode === 'direct' ? 'remux' : 'convert');
      return;
    }
    drop();
    hooks.stopped({code: code, message: words, remedy: remedy || '', at: at});
  }

  function play() {
    var going;
    try { going = video.play(); } catch (x) { going = null; }
    if (going && going.then) {
      going.then(null, function (x) { if (x && x.name === 'NotAllowedError') { hooks.refused(); } });
    }
  }

  function start(p, from) {
    plan = p;
    hooks.planned(p);
    if (p.mode !== 'direct' && !wantsNative(p)) {
      mse = new VC.Mse(video, p, from, failed);
    } else {
      video.src = p.url;
      if (from) { startAt(from); }
    }
    play();
  }

  /* Native players take a start place only when they know the length. */
  function startAt(from) {
    var names = ['loadedmetadata', 'durationchange', 'canplay'], i;
    function jump() {
      if (!(video.duration > from)) { return; }
      for (i = 0; i < names.length; i++) { video.removeEventListener(names[i], jump, false); }
      video.currentTime = from;
    }
    for (i = 0; i < names.length; i++) { video.addEventListener(names[i], jump, false); }
  }

  function load(from, atLeast) {
    var ask = {screen: VC.screen(), audio: wishes.audio, subtitle: wishes.subtitle}, mine = item;
    if (atLeast) { ask.at_least = atLeast; }
    hooks.from = from;
    lastTime = -1;
    moved = Date.now();
    VC.ask('POST', '/api/v1/items/' + item + '/plan', ask, function (p) {
      if (mine !== item) { return; }
      start(p, from === null ? p.position_s || 0 : from);
    }, function (e) { if (mine === item) { hooks.stopped({code: e.code, message: e.message, remedy: e.remedy, at: from || 0}); } });
  }

  video.addEventListener('error', function () {
    var code = video.error ? video.error.code : 0;
    if (video.getAttribute('src') && !(mse && code === 0)) { failed('media_' + code, 'This set could not play the film.'); }
  }, false);
  clearInterval(watch);
  watch = setInterval(function () {
    if (video.paused || video.ended || !video.getAttribute('src') || video.currentTime !== lastTime) { moved = Date.now(); }
    lastTime = video.currentTime;
    if (Date.now() - moved > 2000) { hooks.waiting(Date.now() - moved); } else { hooks.waiting(0); }
    if (Date.now() - moved > 20000) { moved = Date.now(); failed('stalled', 'The film stood still for 20 seconds.'); }
  }, 1000);

  VC.media = {
    video: video,
    hooks: hooks,
    open: function (id, from, with_) { drop(); item = id; tried = 0; wishes = with_ || {}; load(from, null); },
    again: function (from) { drop(); tried = 0; load(from, null); },
    change: function (with_) { var at = video.currentTime; wishes = with_; drop(); load(at, null); },
    play: play,
    drop: drop,
    duration: function () { return (plan && plan.duration_s) || (isFinite(video.duration) ? video.duration : 0) || 0; },
    plan: function () { return plan; },
    item: function () { return item; },
    mse: function () { return mse; },
    wishes: function () { return wishes; }
  };
}(VC));
