/* What is written over the film: times, the seek bar with its chapters, and when it hides. */
(function (VC) {
  'use strict';
  var $ = VC.$, osd = $('osd'), hide = 0, pinned = VC.has(document.body, 'sound'), preview = null, jumps = 0;
  var STEPS = [10, 30, 60, 120], held = 0, lastPress = 0, commits = 0, drawn = '';
  var PLAY = 'M4 2.2v11.6L13.5 8z', PAUSE = 'M3.5 2.5h3v11h-3zM9.5 2.5h3v11h-3z';

  VC.timeText = function (s) {
    var t = Math.max(0, Math.floor(s)), h = Math.floor(t / 3600), m = Math.floor(t / 60) % 60, q = t % 60;
    return (h ? h + ':' + (m < 10 ? '0' : '') : '') + m + ':' + (q < 10 ? '0' : '') + q;
  };

  /* The next place of a seek that is held: steps grow. count: presses in a row. */
  VC.seekStep = function (count) { return STEPS[Math.min(STEPS.length - 1, Math.floor(count / 6))]; };

  function video() { return VC.media.video; }
  function length() { return VC.media.duration(); }
  function chapterAt(time) {
    var list = (VC.media.plan() || {}).chapters || [], i, name = '';
    for (i = 0; i < list.length; i++) { if (list[i].start_s <= time + 0.5) { name = list[i].title; } }
    return name;
  }
  VC.chapterAt = chapterAt;

  var Osd = VC.osd = {
    isUp: function () { return VC.has(osd, 'in'); },
    show: function () {
      VC.add(osd, 'in');
      VC.add(document.body, 'up');
      Osd.stay();
    },
    stay: function () {
      clearTimeout(hide);
      if (!pinned) { hide = setTimeout(function () { if (!video().paused && preview === null) { Osd.hide(); } }, 4000); }
    },
    hide: function () {
      if (pinned) { return; }
      clearTimeout(hide);
      preview = null;
      VC.drop(osd, 'in');
      VC.drop(document.body, 'up');
      Osd.draw();
    },
    marks: function (plan) {
      var box = $('ticks'), list = plan.chapters || [], i, el;
      box.textContent = '';
      for (i = 0; i < list.length; i++) {
        if (list[i].start_s < 1) { continue; }
        el = VC.make('span', 'tick', box);
        el.style.left = 100 * list[i].start_s / plan.duration_s + '%';
      }
    },
    draw: function () {
      var v = video(), all = length(), now = preview === null ? v.currentTime : preview, part = all ? 100 * now / all : 0, to = 0, i, key;
      for (i = 0; i < v.buffered.length; i++) { if (v.buffered.start(i) <= now + 1 && v.buffered.end(i) > now) { to = v.buffered.end(i); } }
      key = [Math.floor(now * 2), Math.floor(all), Math.floor(to), v.paused, preview === null].join();
      if (key === drawn) { return; }
      drawn = key;
      $('pos').style.width = $('dot').style.left = part + '%';
      $('buf').style.width = (all ? 100 * to / all : 0) + '%';
      $('played').textContent = VC.timeText(now);
      $('left').textContent = '\u2212' + VC.timeText(all - now);
      $('playshape').setAttribute('d', v.paused ? PLAY : PAUSE);
      $('play').setAttribute('aria-label', v.paused ? 'Play' : 'Pause');
      if ($('ends')) {
        $('ends').textContent = all ? 'ends ' + VC.clockText(VC.nowS() + all - now) : '';
        if (chapterAt(now)) { $('chapter').textContent = chapterAt(now); }
      }
      VC.turn($('seek'), 'go', preview !== null);
      if (preview !== null) {
        $('bub').style.left = Math.max(7, Math.min(93, part)) + '%';
        $('bub').firstChild.textContent = chapterAt(now);
        $('bub').lastChild.textContent = VC.timeText(now);
      }
    },
    /* One press of Left or Right: at once, and faster while held; the film follows when the key rests. */
    nudge: function (dir, first) {
      var now = Date.now(), from = preview === null ? video().currentTime : preview, by;
      held = now - lastPress < 400 ? held + 1 : 0;
      lastPress = now;
      by = held < 3 && first ? first : VC.seekStep(held);
      preview = Math.max(0, Math.min(length() - 2, from + (dir === 'l' ? -by : by)));
      Osd.draw();
      clearTimeout(commits);
      return by;
    },
    settle: function (ms) { clearTimeout(commits); commits = setTimeout(Osd.commit, ms); },
    commit: function () {
      clearTimeout(commits);
      if (preview === null) { return false; }
      video().currentTime = preview;
      preview = null;
      Osd.draw();
      Osd.stay();
      return true;
    },
    undo: function () { var was = preview !== null; clearTimeout(commits); preview = null; Osd.draw(); return was; },
    isPreview: function () { return preview !== null; },
    bubble: function (dir, words) {
      var el = $(dir === 'l' ? 'jumpl' : 'jumpr');
      el.textContent = words;
      VC.add(el, 'in');
      clearTimeout(jumps);
      jumps = setTimeout(function () { VC.drop($('jumpl'), 'in'); VC.drop($('jumpr'), 'in'); }, 700);
    }
  };
}(VC));
