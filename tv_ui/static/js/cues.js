/* Subtitles: WebVTT read by us and drawn in a box above the video, piece by piece as the film goes on. */
(function (VC) {
  'use strict';
  var TIME = /(?:(\d+):)?(\d\d):(\d\d)[.,](\d{3})/, ARROW = /^(\S+)\s+-->\s+(\S+)(.*)$/;
  var NAMED = {amp: '&', lt: '<', gt: '>', nbsp: '\u00a0', lrm: '\u200e', rlm: '\u200f', quot: '"'};

  function seconds(text) {
    var m = TIME.exec(text);
    return m ? (+(m[1] || 0)) * 3600 + (+m[2]) * 60 + (+m[3]) + (+m[4]) / 1000 : -1;
  }

  /* A WebVTT text as [{from, to, text, top}]; what is no cue is left out. Source: W3C WebVTT 6.1. */
  VC.parseCues = function (text) {
    var blocks = text.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n').split(/\n{2,}/), cues = [], i, lines, at, m, from, to, line;
    for (i = 0; i < blocks.length; i++) {
      lines = blocks[i].replace(/^\n+|\n+$/g, '').split('\n');
      at = lines[0].indexOf('-->') >= 0 ? 0 : 1;
      m = lines[at] && ARROW.exec(lines[at]);
      if (!m || /^(NOTE|STYLE|REGION)\b/.test(lines[0])) { continue; }
      from = seconds(m[1]);
      to = seconds(m[2]);
      if (from < 0 || to <= from) { continue; }
      line = /line:(-?\d+)(%?)/.exec(m[3]);
      cues.push({from: from, to: to, text: plain(lines.slice(at + 1).join('\n')), top: !!line && (line[2] ? +line[1] < 50 : +line[1] >= 0 && +line[1] < 6)});
    }
    return cues;
  };

  function plain(text) {
    return text.replace(/<[^>]*>/g, '').replace(/&(\w+);/g, function (all, name) { return NAMED.hasOwnProperty(name) ? NAMED[name] : all; });
  }

  /* track: {template, segments?}; starts: the grid its pieces are cut on. */
  VC.Cues = function (box, video, track, starts) {
    var cues = [], known = {}, asked = {}, shown = '', timer, gone = false;
    var pieces = track.template.indexOf('$N') >= 0;

    function take(text) {
      var list = VC.parseCues(text), i, key;
      for (i = 0; i < list.length; i++) {
        key = list[i].from + ' ' + list[i].to + ' ' + list[i].text;
        if (!known[key]) { known[key] = true; cues.push(list[i]); }
      }
      cues.sort(function (a, b) { return a.from - b.from; });
    }
    function get(n) {
      var x;
      if (asked[n] || (pieces && (n < 0 || n >= starts.length))) { return; }
      asked[n] = true;
      x = new XMLHttpRequest();
      x.open('GET', track.template.replace('$N', n), true);
      x.onload = function () { if (x.status === 200) { take(x.responseText); draw(); } else { forget(n); } };
      x.onerror = function () { forget(n); };
      x.send();
    }
    function forget(n) { setTimeout(function () { asked[n] = false; }, 3000); }

    function draw() {
      var now = video.currentTime, i, n, key = '', here = [], p;
      if (gone) { return; }
      n = pieces ? VC.segmentAt(starts, now) : 0;
      get(n);
      if (pieces) { get(n + 1); get(n - 1); }
      for (i = 0; i < cues.length && cues[i].from <= now; i++) {
        if (cues[i].to > now) { here.push(cues[i]); key += cues[i].from + cues[i].text; }
      }
      if (key === shown) { return; }
      shown = key;
      box.textContent = '';
      for (i = 0; i < here.length; i++) {
        p = document.createElement('p');
        if (here[i].top) { p.className = 'top'; }
        lines(p, here[i].text);
        box.appendChild(p);
      }
    }
    function lines(p, text) {
      var list = text.split('\n'), i;
      for (i = 0; i < list.length; i++) {
        if (i) { p.appendChild(document.createElement('br')); }
        p.appendChild(document.createTextNode(list[i]));
      }
    }
    timer = setInterval(draw, 100);
    draw();
    this.close = function () { gone = true; clearInterval(timer); box.textContent = ''; };
  };
}(VC));
