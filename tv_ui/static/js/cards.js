/* Fills one card of the document with one card of the data, and the head of the screen. */
(function (VC) {
  'use strict';
  var NS = 'http://www.w3.org/2000/svg', LOCK = ['M9 14v-4a7 7 0 0 1 14 0v4', 'M10 14h12a4 4 0 0 1 4 4v7a4 4 0 0 1-4 4H10a4 4 0 0 1-4-4v-7a4 4 0 0 1 4-4z'];

  var make = VC.make, text = VC.text;
  function draw(name, marks, parent) {
    var el = document.createElementNS(NS, name), key;
    for (key in marks) { if (marks.hasOwnProperty(key)) { el.setAttribute(key, marks[key]); } }
    parent.appendChild(el);
    return el;
  }

  VC.newCard = function (track) {
    var a = make('a', 'card', track);
    make('img', 'tile', a).alt = '';
    make('span', 'cap', a);
    return a;
  };

  VC.fillCard = function (a, card, noise) {
    var old = a.querySelectorAll('.pic,.badge,svg'), cap = a.querySelector('.cap'), pic, svg, i;
    for (i = 0; i < old.length; i++) { a.removeChild(old[i]); }
    a.querySelector('.tile').src = card ? card.i || noise : noise;
    text(cap, card ? card.c : '');
    if (!card) { a.removeAttribute('href'); a.setAttribute('href', '#'); return; }
    a.href = card.h;
    if (card.p) {
      pic = document.createElement('img');
      pic.className = 'pic';
      pic.alt = '';
      pic.src = card.p;
      a.insertBefore(pic, cap);
      VC.fadeIn(pic);
    }
    if (card.l) {
      svg = draw('svg', {viewBox: '0 0 32 32'}, a);
      draw('path', {d: LOCK[0], fill: 'none', stroke: '#f2f4f8', 'stroke-width': 3}, svg);
      draw('path', {d: LOCK[1], fill: '#f2f4f8'}, svg);
    }
    if (card.b) { text(make('span', 'badge', a), card.b); }
    if (card.g !== undefined) {
      svg = draw('svg', {'class': 'pb', viewBox: '0 0 100 1', preserveAspectRatio: 'none'}, a);
      draw('rect', {width: card.g, height: 1}, svg);
    }
  };

  VC.fillWay = function (p, way) {
    var i, span;
    p.textContent = '';
    for (i = 0; i < way.length; i++) {
      span = make('span', way[i][2], p);
      if (i) { make('i', '', span); }
      text(make('b', '', span), way[i][0]);
      if (way[i][1]) { span.appendChild(document.createTextNode(', ' + way[i][1])); }
    }
  };

  var rest = 0;
  VC.fillHead = function (card, ways) {
    var facts = VC.$('hf'), i;
    if (!facts || !card) { return; }
    text(VC.$('ht'), card.t);
    text(facts, card.f);
    for (i = 0; i < (card.m || []).length; i++) { text(make('span', 'chip', facts), card.m[i]); }
    text(VC.$('hx'), card.x);
    VC.fillWay(VC.$('hw'), typeof card.w === 'number' ? ways[card.w] : card.w || []);
    clearTimeout(rest);
    rest = setTimeout(function () { VC.backdrop(card.d); }, 220);
  };

  /* The picture behind: the new one fades in over the old one, then the old one goes. */
  VC.backdrop = function (address) {
    var art = VC.$('art'), old = art.querySelectorAll('.back'), top = old[old.length - 1], img;
    if (top && top.getAttribute('src') === (address || '')) { VC.fadeIn(top); return; }
    function clear() { for (var i = 0; i < old.length; i++) { if (old[i].parentNode) { art.removeChild(old[i]); } } }
    if (!address) { clear(); return; }
    img = document.createElement('img');
    img.className = 'back';
    img.alt = '';
    img.onload = function () { VC.add(img, 'in'); setTimeout(clear, 320); };
    img.onerror = function () { art.removeChild(img); };
    img.src = address;
    art.insertBefore(img, art.lastChild);
  };
}(VC));
