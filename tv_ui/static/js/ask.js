/* What this set can play, asked once for each visit. The questions are those of transcode/screens.py. */
(function (VC) {
  'use strict';
  var HLS = ['application/vnd.apple.mpegurl', 'application/x-mpegurl'], TS = 'video/mp2t';
  var CODECS = ['avc1.640029', 'avc1.64002a', 'avc1.640033', 'hvc1.1.6.L120.90', 'hvc1.2.4.L120.90', 'hvc1.2.4.L153.B0',
    'vp09.00.40.08', 'vp09.02.50.10', 'av01.0.08M.08', 'av01.0.12M.10'];
  var SOUNDS = ['mp4a.40.2', 'ac-3', 'ec-3', 'opus', 'flac'];
  var PLAIN = ['audio/mpeg', 'audio/flac', 'audio/ogg; codecs="vorbis"', 'video/webm; codecs="vp9"', 'video/x-matroska'];
  var known = null;

  /* Samsung's own HLS is better than its Media Source; sets without the latter have no choice. */
  VC.prefersNative = function () {
    return !window.MediaSource || !MediaSource.isTypeSupported || /Tizen/.test(navigator.userAgent);
  };

  VC.screen = function () {
    var video, all = PLAIN.concat(HLS, [TS]), mse = [], native = [], i;
    if (known) { return known; }
    try { known = JSON.parse(sessionStorage.getItem('screen')); } catch (x) { known = null; }
    if (known) { return known; }
    video = document.createElement('video');
    for (i = 0; i < CODECS.length; i++) { all.push('video/mp4; codecs="' + CODECS[i] + '"'); }
    for (i = 0; i < SOUNDS.length; i++) { all.push('audio/mp4; codecs="' + SOUNDS[i] + '"'); }
    for (i = 0; i < all.length; i++) {
      if (video.canPlayType && video.canPlayType(all[i])) { native.push(all[i]); }
      if (!VC.prefersNative() && MediaSource.isTypeSupported(all[i])) { mse.push(all[i]); }
    }
    known = {
      mse: mse, native: native, width: screen.width, height: screen.height, ratio: window.devicePixelRatio || 1,
      hdr: !!(window.matchMedia && matchMedia('(dynamic-range: high)').matches), agent: navigator.userAgent
    };
    try { sessionStorage.setItem('screen', JSON.stringify(known)); } catch (x) { /* asked again next time */ }
    return known;
  };
}(VC));
