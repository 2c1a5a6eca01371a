/* Plays a film from the segments of the gateway's grid: one init, then segment after segment, by Media Source
   Extensions. Keeps little: sets have small buffers. */
(function (VC) {
  'use strict';
  var AHEAD_S = 20, AHEAD_BYTES = 30e6, BEHIND_S = 10;

  /* Number of the segment that holds a time. starts: ascending, from 0. */
  VC.segmentAt = function (starts, time) {
    var low = 0, high = starts.length - 1, mid;
    while (low < high) {
      mid = (low + high + 1) >> 1;
      if (starts[mid] <= time + 0.001) { low = mid; } else { high = mid - 1; }
    }
    return low;
  };

  /* plan: {init, segment_template, segments, duration_s, mime}; failed(code, words) once. */
  VC.Mse = function (video, plan, startS, failed) {
    var source = new MediaSource(), address = URL.createObjectURL(source), buffer = null, request = null, dead = false;
    var starts = plan.segments.slice(), count, next = 0, ahead = AHEAD_S, sizes = {}, gotInit = false, tries = 0, ended = false;
    var queue = null, timer = 0, self = this;

    if (starts.length > 1 && starts[starts.length - 1] >= plan.duration_s - 0.01) { starts.pop(); }
    count = starts.length;
    function end(n) { return n + 1 < count ? starts[n + 1] : plan.duration_s; }

    function fail(code, words) {
      if (dead) { return; }
      self.close();
      failed(code, words);
    }

    /* Seconds buffered in one piece from a time on; a gap of less than a third of a second is none. */
    function bufferedTo(time) {
      var ranges = buffer.buffered, i, to = time;
      for (i = 0; i < ranges.length; i++) {
        if (ranges.start(i) <= to + 0.34 && ranges.end(i) > to) { to = ranges.end(i); }
      }
      return to;
    }
    function has(n) {
      var ranges = buffer.buffered, from = starts[n], to = end(n), i;
      for (i = 0; i < ranges.length; i++) {
        if (ranges.start(i) <= from + 0.34 && ranges.end(i) >= Math.min(to, plan.duration_s) - 0.34) { return true; }
      }
      return false;
    }
    function bytesAhead(time) {
      var sum = 0, n;
      for (n in sizes) { if (sizes.hasOwnProperty(n) && end(+n) > time) { sum += sizes[n]; } }
      return sum;
    }

    function get(address, done) {
      var x = request = new XMLHttpRequest();
      x.open('GET', address, true);
      x.responseType = 'arraybuffer';
      x.timeout = 60000;
      x.onload = function () {
        request = null;
        if (x.status >= 200 && x.status < 300) { tries = 0; done(x.response); return; }
        again(x.status === 401 || x.status === 403 || x.status === 404 || x.status === 415 || x.status === 423 ? 9 : 1, x);
      };
      x.onerror = x.ontimeout = function () { request = null; again(1, x); };
      x.send();
    }
    function again(weight, x) {
      var words;
      tries += weight;
      if (tries > 5) {
        try { words = JSON.parse(String.fromCharCode.apply(null, new Uint8Array(x.response))); } catch (e) { words = null; }
        fail(words && words.code || 'gateway_gone', words && words.message || 'The gateway is away.');
        return;
      }
      clearTimeout(timer);
      timer = setTimeout(pump, 400 * tries);
    }

    function append(data, done) {
      queue = done;
      try { buffer.appendBuffer(data); } catch (x) {
        queue = null;
        if (x.name === 'QuotaExceededError') {
          ahead = Math.max(4, ahead / 2);
          trim(video.currentTime, 2) || later(1000);
        } else { fail('append', 'This set refused a piece of the film.'); }
      }
    }
    function later(ms) { clearTimeout(timer); timer = setTimeout(pump, ms); }

    /* Drop what was seen, and after a jump what lies far ahead. Returns whether something goes now. */
    function trim(now, behind) {
      var ranges = buffer.buffered, i, from, to;
      for (i = 0; i < ranges.length; i++) {
        from = ranges.start(i);
        to = ranges.end(i);
        if (from < now - behind - 2 && to > from) { return cut(from, Math.min(to, now - behind)); }
        if (from > now + ahead + 12) { return cut(from, to); }
      }
      return false;
    }
    function cut(from, to) {
      var n;
      if (to - from < 0.1) { return false; }
      for (n in sizes) { if (sizes.hasOwnProperty(n) && starts[n] >= from - 0.1 && end(+n) <= to + 0.1) { delete sizes[n]; } }
      queue = pump;
      buffer.remove(from, to);
      return true;
    }

    /* The one loop: called when something ended, the time moved or jumped; does at most one thing. */
    function pump() {
      var now, to;
      if (dead || !buffer || buffer.updating || request || source.readyState === 'closed') { return; }
      if (!gotInit) { get(plan.init, function (data) { gotInit = true; append(data, pump); }); return; }
      now = video.seeking || !video.currentTime && startS ? Math.max(video.currentTime, video.readyState ? 0 : startS) : video.currentTime;
      if (trim(now, BEHIND_S)) { return; }
      to = bufferedTo(now);
      next = VC.segmentAt(starts, to > now ? to + 0.02 : now);
      while (next < count && has(next)) { next += 1; }
      if (next >= count) { finish(); return; }
      if (starts[next] > now && (to - now >= ahead || (bytesAhead(now) > AHEAD_BYTES && to - now > 4))) { return; }
      ended = false;
      fetchSegment(next);
    }
    function fetchSegment(n) {
      get(plan.segment_template.replace('$N', n), function (data) {
        if (dead) { return; }
        sizes[n] = data.byteLength;
        append(data, pump);
      });
    }
    function finish() {
      if (ended || source.readyState !== 'open') { return; }
      ended = true;
      try { source.endOfStream(); } catch (x) { ended = false; }
    }

    function jumped() {
      var now = video.currentTime, n = VC.segmentAt(starts, now);
      if (request && gotInit && Math.abs(next - n) > 1) { request.abort(); request = null; }
      pump();
    }

    /* A small hole at a border must not stop the film. */
    function nudge() {
      var now = video.currentTime, ranges, i;
      if (dead || !buffer || video.paused || video.readyState > 2) { return; }
      ranges = buffer.buffered;
      for (i = 0; i < ranges.length; i++) {
        if (ranges.start(i) > now && ranges.start(i) - now < 0.5) { video.currentTime = ranges.start(i) + 0.01; return; }
      }
    }

    source.addEventListener('sourceopen', function () {
      if (buffer || dead) { return; }
      try { buffer = source.addSourceBuffer(plan.mime); } catch (x) { fail('mime', 'This set does not take ' + plan.mime + '.'); return; }
      source.duration = plan.duration_s;
      buffer.addEventListener('updateend', function () {
        var then = queue;
        queue = null;
        if (dead) { return; }
        if (then) { then(); } else { pump(); }
      }, false);
      if (startS) { video.currentTime = startS; }
      pump();
    }, false);
    video.addEventListener('seeking', jumped, false);
    video.addEventListener('timeupdate', pump, false);
    var ticking = setInterval(function () { pump(); nudge(); }, 500);
    video.src = address;

    this.close = function () {
      if (dead) { return; }
      dead = true;
      clearTimeout(timer);
      clearInterval(ticking);
      if (request) { request.abort(); }
      video.removeEventListener('seeking', jumped, false);
      video.removeEventListener('timeupdate', pump, false);
      try { if (source.readyState === 'open') { source.endOfStream(); } } catch (x) { /* it was still busy */ }
      URL.revokeObjectURL(address);
    };
    this.limits = function () { return {ahead: ahead, held: sizes}; };
  };
}(VC));
