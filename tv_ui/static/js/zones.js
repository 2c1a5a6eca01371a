/* Zones of a screen, from top to bottom: rows of buttons, lists, rails. One of them has the focus. */
(function (VC) {
  'use strict';
  var cur = null, zones = [], at = -1;

  function has(el, name) { return (' ' + el.className + ' ').indexOf(' ' + name + ' ') >= 0; }
  VC.add = function (el, name) { if (!has(el, name)) { el.className = (el.className + ' ' + name).replace(/^ /, ''); } };
  VC.drop = function (el, name) { el.className = (' ' + el.className + ' ').replace(' ' + name + ' ', ' ').replace(/^ | $/g, ''); };
  VC.turn = function (el, name, on) { if (on) { VC.add(el, name); } else { VC.drop(el, name); } };
  VC.has = has;
  VC.$ = function (id) { return document.getElementById(id); };
  VC.slide = function (el, x, y) {
    var to = 'translate3d(' + x + 'rem,' + y + 'rem,0)';
    el.style.webkitTransform = to;
    el.style.transform = to;
  };

  VC.make = function (name, kind, parent) {
    var el = document.createElement(name);
    el.className = kind;
    parent.appendChild(el);
    return el;
  };
  VC.text = function (el, words) { el.textContent = words || ''; return el; };

  /* A picture fades in over its tile when it has come; one that fails leaves the tile. */
  VC.fadeIn = function (img) {
    function shown() { VC.add(img, 'in'); }
    if (img.complete && img.naturalWidth) { shown(); } else { img.onload = shown; }
  };

  function rect(el) { return el.getBoundingClientRect(); }
  function seen(el) { return el.offsetWidth > 0 && el.offsetHeight > 0 && !el.disabled; }
  function all(el) {
    var found = el.querySelectorAll('a[href],button,input'), out = [], i;
    for (i = 0; i < found.length; i++) { if (seen(found[i])) { out.push(found[i]); } }
    return out;
  }

  VC.focused = function () { return cur; };
  VC.focus = function (el) {
    var up;
    if (cur && cur !== el) { VC.drop(cur, 'f'); }
    cur = el;
    VC.add(el, 'f');
    try { el.focus({preventScroll: true}); } catch (x) { el.focus(); }
    for (up = el.parentNode; up && up.nodeType === 1; up = up.parentNode) {
      if (up.scrollLeft) { up.scrollLeft = 0; }
      if (up.scrollTop) { up.scrollTop = 0; }
    }
  };

  function pick(list, from, dir) {
    var others = [], boxes = [], i, n;
    for (i = 0; i < list.length; i++) { if (list[i] !== from) { others.push(list[i]); boxes.push(rect(list[i])); } }
    n = VC.next(rect(from), boxes, dir);
    return n < 0 ? null : others[n];
  }

  /* A zone of links: arrows go to the nearest, a list scrolls to what has the focus. */
  function Links(el, scrolls) {
    var left = null, box = scrolls && el.querySelector('.list'), inner = box && box.firstElementChild;
    function reveal(to) {
      var y, least;
      if (!inner || !inner.contains(to)) { return; }
      y = to.offsetTop - (box.clientHeight - to.offsetHeight) * 0.4;
      least = Math.max(0, inner.offsetHeight - box.clientHeight + to.offsetHeight);
      y = Math.max(0, Math.min(y, least));
      VC.slide(inner, 0, -y / parseFloat(getComputedStyle(document.documentElement).fontSize));
    }
    function take(to) { if (!to) { return false; } left = to; VC.focus(to); reveal(to); return true; }
    this.el = el;
    this.count = function () { return all(el).length; };
    this.move = function (dir) { return take(pick(all(el), cur, dir)); };
    this.enter = function (dir, from) {
      var list = all(el), to = left && seen(left) && el.contains(left) ? left : null;
      to = to || el.querySelector('.cur') || el.querySelector('.pri');
      if (!to && from && list.length) { to = pick(list, from, dir); }
      return take(to || list[0]);
    };
    this.take = take;
    this.place = function () { var list = all(el), i; for (i = 0; i < list.length; i++) { if (list[i] === cur) { return i; } } return -1; };
    this.restore = function (i) { return take(all(el)[i]); };
  }
  VC.Links = Links;

  VC.setZones = function (list) { zones = list; };
  VC.addZone = function (zone, before) { zones.splice(before === undefined ? zones.length : before, 0, zone); };
  VC.zone = function () { return zones[at]; };

  VC.enter = function (i, dir, from) {
    if (!zones[i] || !zones[i].enter(dir, from)) { return false; }
    at = i;
    return true;
  };
  VC.enterZone = function (zone) { return VC.enter(zones.indexOf(zone)); };

  /* An arrow: inside the zone, else to the next one above or below that takes it. */
  VC.arrow = function (dir) {
    var zone = zones[at], i, step = dir === 'u' ? -1 : 1;
    if (!zone || !cur || !seen(cur)) { return VC.first(); }
    if (zone.move(dir)) { return true; }
    if (dir === 'u' || dir === 'd') {
      for (i = at + step; i >= 0 && i < zones.length; i += step) {
        if (VC.enter(i, dir, cur)) { return true; }
      }
    }
    return true;
  };

  /* The focus at the start, and where it went: what the page marks, else the last zone that takes it. */
  VC.first = function () {
    var i;
    for (i = 0; i < zones.length; i++) { if (zones[i].el.getAttribute('data-first') && VC.enter(i)) { return true; } }
    for (i = zones.length - 1; i >= 0; i--) { if (VC.enter(i)) { return true; } }
    return false;
  };
  VC.home = function () { return at; };
  VC.keep = function () { var z = zones[at]; return z && z.place ? {zone: at, place: z.place()} : null; };
  VC.resume = function (kept) {
    if (!kept || !zones[kept.zone] || !zones[kept.zone].restore(kept.place)) { return false; }
    at = kept.zone;
    return true;
  };

  /* The pointer focuses what it is over and moves nothing. */
  document.addEventListener('mouseover', function (e) {
    var el = e.target, i;
    while (el && el.nodeType === 1 && el.tagName !== 'A' && el.tagName !== 'BUTTON') { el = el.parentNode; }
    if (!el || el.nodeType !== 1 || el === cur) { return; }
    for (i = 0; i < zones.length; i++) {
      if (zones[i].el.contains(el)) {
        at = i;
        if (zones[i].point) { zones[i].point(el); } else { VC.focus(el); }
        return;
      }
    }
  }, false);
}(VC));
