/* The player page: keys, buttons, states for the phone, positions, subtitles, and words when it stops. */
(function (VC) {
  'use strict';
  var $ = VC.$;

  VC.startPlayer = function (data) {
    var media = VC.media, video = media.video, osd = VC.osd, hooks = media.hooks, sound = data.sound;
    var cues = null, chosen = null, queue = data.queue, at = 0, sentAt = 0, savedAt = 0, ended = false, refused = false, leaving = false;
    var controls, seek, stop, opened = false, i;

    /* zones */
    function Seek() {
      this.el = $('seek');
      this.enter = function () { if (!osd.isUp()) { return false; } VC.focus($('seek')); return true; };
      this.move = function (dir) {
        if (dir === 'l' || dir === 'r') { osd.stay(); osd.nudge(dir, dir === 'l' ? 10 : 30); osd.settle(sound ? 600 : 4000); return true; }
        osd.undo();
        return false;
      };
      this.place = function () { return 0; };
    }
    seek = new Seek();
    controls = new VC.Links(document.querySelector('.ctl'));
    stop = new VC.Links($('stop'));
    function zones() {
      var list = [];
      if (sound) { list.push(new VC.Links($('queue').parentNode, true)); }
      list.push(seek, controls);
      VC.setZones(list);
    }
    zones();
    function toControls() { VC.enterZone(controls); controls.take($('play')); }

    /* words */
    function say(words) { $('say2').textContent = ''; if (words) { VC.make('b', '', $('say2')).textContent = words; } }
    function veil(on) { if ($('veil')) { VC.turn($('veil'), 'none', !on); } }

    /* states for the phone, places for the library */
    function volume() { return /Tizen|Web0S|VIDAA|SMART-TV|NetCast|BRAVIA/i.test(navigator.userAgent) ? null : video.volume; }
    function tell(now) {
      if (!now && Date.now() - sentAt < 900) { return; }
      sentAt = Date.now();
      VC.send({t: 'state', item: media.item(), title: title(), playing: !video.paused && !video.ended, position_s: video.currentTime || 0, duration_s: media.duration() || null, at: Date.now(), volume: volume()});
    }
    function title() { return queue.length ? queue[at].title : data.title; }
    function save(force) {
      if (!video.currentTime || (!force && Date.now() - savedAt < 10000)) { return; }
      savedAt = Date.now();
      VC.ask('POST', '/api/v1/items/' + media.item() + '/position', {position_s: video.currentTime, duration_s: media.duration() || null});
    }
    function leave() {
      var body = JSON.stringify({item: video.currentTime ? media.item() : null, position_s: video.currentTime || 0, duration_s: media.duration() || null}), x;
      if (leaving) { return; }
      leaving = true;
      VC.send({t: 'state', item: null, title: '', playing: false, position_s: 0, duration_s: null, volume: null});
      if (navigator.sendBeacon && window.Blob) {
        navigator.sendBeacon('/api/v1/sessions/stop', new Blob([body], {type: 'application/json'}));
      } else {
        x = new XMLHttpRequest();
        x.open('POST', '/api/v1/sessions/stop', false);
        x.setRequestHeader('Content-Type', 'application/json');
        try { x.send(body); } catch (e) { /* the gateway ends it by itself */ }
      }
      media.drop();
    }
    window.addEventListener('pagehide', leave, false);
    window.addEventListener('beforeunload', function () { save(true); }, false);
    window.addEventListener('pageshow', function (e) { if (e.persisted) { location.reload(); } }, false);

    /* subtitles and sound */
    function subtitles(track) {
      if (cues) { cues.close(); cues = null; }
      chosen = track;
      VC.remember('subtitle', track ? track.track : null);
      if (track && $('cues')) { cues = new VC.Cues($('cues'), video, track, track.segments || media.plan().segments || [0]); }
    }
    function choose(track) { return function () { subtitles(track); if (refused) { media.play(); } }; }
    function hear(index) { return function () { save(true); media.change({audio: index}); }; }
    function tracks() {
      var plan = media.plan(), one = [], two = [{label: 'Off', on: !chosen, act: choose(null)}], i, t, heard;
      if (!plan || VC.panel.isOpen()) { return; }
      heard = media.wishes().audio;
      for (i = 0; i < (plan.audio || []).length; i++) {
        t = plan.audio[i];
        one.push({label: t.label, note: t.note, on: heard === undefined ? t['default'] || (i === 0 && !anyDefault(plan.audio)) : heard === t.index, act: hear(t.index)});
      }
      for (i = 0; i < (plan.subtitles || []).length; i++) {
        t = plan.subtitles[i];
        two.push({label: t.label, note: 'text', on: !!chosen && chosen.track === t.track, act: choose(t)});
      }
      osd.hide();
      VC.panel.open((one.length ? [{title: 'Sound', options: one}] : []).concat([{title: 'Subtitles', options: two}]), afterPanel);
    }
    function anyDefault(list) { for (var i = 0; i < list.length; i++) { if (list[i]['default']) { return true; } } return false; }
    function chapters() {
      var plan = media.plan(), list = [], i;
      function jump(to) { return function () { video.currentTime = to; }; }
      if (!plan || !(plan.chapters || []).length || VC.panel.isOpen()) { return; }
      for (i = 0; i < plan.chapters.length; i++) {
        list.push({label: plan.chapters[i].title || 'Chapter ' + (i + 1), note: VC.timeText(plan.chapters[i].start_s), on: VC.chapterAt(video.currentTime) === plan.chapters[i].title, act: jump(plan.chapters[i].start_s)});
      }
      osd.hide();
      VC.panel.open([{title: 'Chapters', options: list}], afterPanel);
    }
    function afterPanel(before) {
      zones();
      osd.show();
      VC.enterZone(controls);
      if (before && before.offsetWidth) { controls.take(before); }
    }

    /* the film itself */
    hooks.planned = function (plan) {
      var i, kept = VC.recall('subtitle');
      if (plan.sentence && $('way') && VC.fillPlan) { VC.fillPlan($('way'), plan); }
      osd.marks(plan);
      VC.turn($('chapters') || $('seek'), 'none', !!$('chapters') && !(plan.chapters || []).length);
      if (!opened && data.panel) { opened = true; tracks(); }
      if (cues || kept !== undefined && kept !== null) {
        for (i = 0; i < (plan.subtitles || []).length; i++) {
          if (plan.subtitles[i].track === (chosen ? chosen.track : kept)) { subtitles(plan.subtitles[i]); }
        }
      }
    };
    hooks.refused = function () {
      refused = true;
      veil(false);
      say('Press OK to play');
      if (!VC.panel.isOpen()) { osd.show(); toControls(); }
    };
    hooks.waiting = function (ms) {
      if (refused) { return; }
      say(ms > 10000 ? 'Still waiting for the next piece. Back leaves, the place is kept.' : ms > 2000 ? 'Fetching and decrypting the next piece' : '');
    };
    hooks.stopped = function (e) {
      hooks.from = e.at;
      veil(true);
      say('');
      osd.hide();
      $('stoptitle').textContent = e.message;
      $('stoptext').textContent = (e.at > 5 ? 'The film waits at ' + VC.timeText(e.at) + '. ' : '') + (e.remedy || '');
      $('stop').setAttribute('data-code', e.code);
      VC.drop($('stop'), 'none');
      if ($('say')) { VC.add($('say'), 'none'); VC.add($('way'), 'none'); }
      VC.setZones([stop]);
      VC.enterZone(stop);
      tell(true);
    };
    $('again').onclick = function () {
      VC.add($('stop'), 'none');
      zones();
      osd.show();
      toControls();
      media.again(hooks.from || null);
    };
    video.addEventListener('playing', function () { refused = false; veil(false); say(''); osd.stay(); tell(true); }, false);
    video.addEventListener('pause', function () { osd.draw(); tell(true); save(true); }, false);
    video.addEventListener('seeked', function () { tell(true); }, false);
    video.addEventListener('volumechange', function () { tell(true); }, false);
    video.addEventListener('timeupdate', function () { osd.draw(); tell(false); save(false); }, false);
    video.addEventListener('ended', function () {
      ended = true;
      save(true);
      if (at + 1 < queue.length) { openAt(at + 1); } else if (!VC.back()) { location.replace(document.body.getAttribute('data-up')); }
    }, false);

    /* what plays after another */
    function openAt(n) {
      var row;
      if (n < 0 || n >= queue.length) { return; }
      save(true);
      row = $('queue') && $('queue').firstElementChild.children;
      if (row && row[at]) { VC.drop(row[at], 'on'); }
      at = n;
      ended = false;
      if (row && row[at]) { VC.add(row[at], 'on'); }
      subtitles(null);
      if (sound) {
        $('nowtitle').textContent = queue[n].title;
        if ($('cover') && queue[n].picture) { $('cover').src = queue[n].picture; }
      } else { $('title').textContent = queue[n].title; }
      VC.replacePath('/tv/play/' + queue[n].item);
      media.open(queue[n].item, 0);
    }
    VC.replacePath = function (path) { history.replaceState(history.state, '', path); };
    for (i = 0; i < queue.length; i++) { if (queue[i].item === data.item) { at = i; } }
    if (sound) {
      queue.forEach(function (one, n) {
        var a = VC.make('button', 'row' + (n === at ? ' on' : ''), $('queue').firstElementChild);
        VC.text(VC.make('b', '', a), n + 1);
        a.appendChild(document.createTextNode(one.title));
        VC.text(VC.make('span', '', a), one.note);
        a.onclick = function () { openAt(n); };
      });
      zones();
    }

    /* buttons */
    function toggle() { if (video.paused) { media.play(); } else { video.pause(); } }
    function jump(by) { video.currentTime = Math.max(0, Math.min(media.duration() - 1, video.currentTime + by)); osd.draw(); }
    function on(id, act) { if ($(id)) { $(id).onclick = function (e) { e.preventDefault(); act(); osd.stay(); }; } }
    on('play', toggle);
    on('rew', function () { jump(-10); });
    on('fwd', function () { jump(30); });
    on('tracks', tracks);
    on('chapters', chapters);
    on('next', function () { openAt(at + 1); });
    on('prev', function () { if (video.currentTime > 4) { video.currentTime = 0; } else { openAt(at - 1); } });
    on('seek', function () { if (!osd.commit()) { toggle(); } });
    video.addEventListener('click', function () { osd.show(); }, false);

    /* keys */
    function hidden(name) {
      var by;
      if (name === 'u') { osd.show(); toControls(); return true; }
      if (name === 'd') { if ((media.plan() || {}).chapters && media.plan().chapters.length) { chapters(); } else { osd.show(); toControls(); } return true; }
      if (name === 'l' || name === 'r') {
        by = osd.nudge(name, name === 'l' ? 10 : 30);
        osd.bubble(name, (name === 'l' ? '\u2212' : '+') + by + ' s');
        osd.settle(450);
        return true;
      }
      return false;
    }
    VC.pageKey = function (name) {
      var all = media.duration();
      if (!VC.has($('stop'), 'none')) { return false; }
      if (name === 'play' || name === 'pause' || name === 'toggle') {
        if (name === 'toggle' || (name === 'play') === video.paused) { toggle(); }
        return true;
      }
      if (name === 'rewind') { jump(-10); return true; }
      if (name === 'forward') { jump(30); return true; }
      if (name === 'next') { openAt(at + 1); return true; }
      if (name === 'previous') { openAt(at - 1); return true; }
      if (name === 'tracks') { tracks(); return true; }
      if (/^n\d$/.test(name) && all) { video.currentTime = all * (+name.charAt(1)) / 10; osd.show(); return true; }
      if (VC.panel.isOpen()) { return false; }
      if (refused && name === 'ok') { media.play(); return true; }
      if (!osd.isUp()) {
        if (name === 'ok') { osd.show(); toControls(); return true; }
        return hidden(name);
      }
      osd.stay();
      return false;
    };
    /* OK while nothing is written: the browser would click what had the focus before. */
    document.addEventListener('keydown', function (e) {
      if (e.keyCode === 13 && !osd.isUp() && !VC.panel.isOpen() && VC.has($('stop'), 'none')) {
        e.preventDefault();
        e.stopPropagation();
        osd.show();
        toControls();
      }
      VC.keyed = true;
    }, true);
    VC.onBack = function () {
      if (osd.undo()) { return true; }
      if (!sound && osd.isUp() && !video.paused && VC.has($('stop'), 'none')) { osd.hide(); return true; }
      save(true);
      return false;
    };
    VC.onMessage(function (m) {
      if (m.t === 'play') { media.play(); }
      else if (m.t === 'pause') { video.pause(); }
      else if (m.t === 'seek') { video.currentTime = Math.max(0, Math.min(media.duration() - 1, m.position_s)); }
      else if (m.t === 'volume') { video.volume = Math.max(0, Math.min(1, m.volume)); }
      else if (m.t === 'up') { tell(true); }
    });

    if (!sound) { VC.drop(osd.isUp() ? $('osd') : $('side'), 'in'); }
    toControlsQuietly();
    function toControlsQuietly() { if (sound) { VC.enterZone(controls); controls.take($('play')); } }
    media.open(data.item, data.start);
  };

  /* The way as it really happens: the plan's sentence is the last step. */
  VC.fillPlan = function (p, plan) {
    var span = VC.make('span', plan.mode === 'convert' ? '' : 'key', p);
    VC.make('i', '', span);
    VC.make('b', '', span).textContent = plan.sentence;
  };
}(VC));
