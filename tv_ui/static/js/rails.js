/* Rails and grids: however long they are, five rows and a dozen cards a row stand in the document. Card n of a
   row is slot n % slots; the focus goes by row and column numbers, not by measuring the page. */
(function (VC) {
  'use strict';
  var ROWS = 5, SIZE = {poster: [15.75, 28.6, 12, 7], wide: [26, 21.6, 8, 4], square: [15.75, 21.8, 12, 7]};
  var GRID = {poster: [7, 25.6], wide: [4, 17.8], square: [7, 18.6]};

  VC.Rails = function (clip, data, isGrid) {
    var root = clip.querySelector('.rails'), rails = data.rails, ways = data.ways, noise = data.noise;
    var at = {row: 0, col: 0, mem: []}, lengths = [], tops = [], slots = [], asking = {}, self = this, top = 0, i;

    var grid = isGrid && rails[0] ? GRID[rails[0].shape] : null;
    var rows = grid ? Math.ceil(rails[0].total / grid[0]) : rails.length;
    for (i = 0; i < rows; i++) {
      lengths.push(grid ? Math.min(grid[0], rails[0].total - i * grid[0]) : rails[i].total);
      tops.push(top);
      top += grid ? grid[1] : SIZE[rails[i].shape][1];
    }

    function railOf(row) { return grid ? rails[0] : rails[row]; }
    function number(row, col) { return grid ? row * grid[0] + col : col; }
    function cardAt(row, col) { return railOf(row).cards[number(row, col)]; }

    /* What the server drew becomes slot 0-7 of the first rows. */
    function adopt() {
      var drawn = root.querySelectorAll('.rail'), i, j, cards, slot, tile, many;
      for (i = 0; i < drawn.length && i < ROWS; i++) {
        slot = newSlot(drawn[i], i);
        cards = drawn[i].querySelectorAll('.card');
        many = grid ? grid[0] : SIZE[rails[i].shape][2];
        for (j = 0; j < cards.length; j++) {
          if (j >= many) { slot.track.removeChild(cards[j]); continue; }
          tile = cards[j].querySelector('.tile');
          if (cardAt(i, j) && tile) { cardAt(i, j).i = tile.src; }
          cards[j].className = 'card';
          slot.cards.push({a: cards[j], n: j, card: cardAt(i, j)});
          cards[j].style.left = j * SIZE[railOf(i).shape][0] + 'rem';
          if (cards[j].querySelector('.pic')) { VC.fadeIn(cards[j].querySelector('.pic')); }
        }
        if (drawn[i].className.indexOf('moved') < 0) { drawn[i].className += ' moved'; }
        drawn[i].style.top = tops[i] + 'rem';
      }
      root.style.height = top + 'rem';
    }

    function newSlot(rail, row) {
      var slot = {rail: rail, head: rail.querySelector('h2'), track: rail.querySelector('.track'), row: row, cards: []};
      slots[row % ROWS] = slot;
      return slot;
    }

    function slotOf(row) {
      var slot = slots[row % ROWS], rail = railOf(row), el, note;
      if (!slot) {
        el = VC.make('div', 'rail', root);
        if (!grid) { VC.make('h2', '', el); }
        VC.make('div', 'track', el);
        slot = newSlot(el, -1);
        slots[row % ROWS] = slot;
      }
      if (slot.row !== row) {
        slot.row = row;
        slot.rail.className = 'rail moved ' + rail.shape;
        slot.rail.style.top = tops[row] + 'rem';
        if (slot.head) {
          VC.text(slot.head, rail.title);
          if (rail.note) { note = VC.make('small', '', slot.head); VC.text(note, rail.note); }
        }
      } else if (slot.rail.className.indexOf('moved') < 0) {
        slot.rail.className = 'rail moved ' + rail.shape;
        slot.rail.style.top = tops[row] + 'rem';
      }
      return slot;
    }

    function first(row) {
      var size = SIZE[railOf(row).shape], col = row === at.row ? at.col : at.mem[row] || 0;
      return grid ? 0 : Math.max(0, Math.min(col - 1, lengths[row] - size[3]));
    }

    function fill(row) {
      var slot = slotOf(row), size = SIZE[railOf(row).shape], many = grid ? grid[0] : size[2];
      var begin = first(row), from = grid ? 0 : Math.max(0, Math.min(lengths[row] - many, begin - 2)), n, c, card;
      for (n = from; n < from + many; n++) {
        c = slot.cards[n % many];
        if (!c) { c = slot.cards[n % many] = {a: VC.newCard(slot.track), n: -1, card: null, row: -1}; }
        if (n >= lengths[row]) { VC.add(c.a, 'none'); c.n = -1; continue; }
        card = cardAt(row, n);
        if (c.n !== n || c.card !== card || slot.filled !== row) {
          VC.drop(c.a, 'none');
          c.n = n;
          c.card = card;
          c.a.style.left = n * size[0] + 'rem';
          VC.fillCard(c.a, card, noise);
        }
      }
      slot.filled = row;
      VC.slide(slot.track, -begin * size[0], 0);
      need(row, from, Math.min(lengths[row], from + many + 6));
    }

    /* Cards that are not here yet come in pages; one request at a time for each rail. */
    function need(row, from, to) {
      var rail = railOf(row), n = number(row, from), end = grid ? Math.min(rail.total, n + grid[0] * 4) : to;
      while (n < end && rail.cards[n]) { n += 1; }
      if (n >= end || asking[rail.key] || !rail.source) { return; }
      asking[rail.key] = true;
      VC.ask('GET', rail.source + '&start=' + n + '&count=28', null, function (answer) {
        var i, many = answer.cards.length;
        for (i = 0; i < many; i++) { rail.cards[n + i] = answer.cards[i]; }
        asking[rail.key] = false;
        if (!many) { rail.source = ''; }
        self.draw();
      }, function () { setTimeout(function () { asking[rail.key] = false; }, 2000); });
    }

    this.el = clip;
    this.draw = function () {
      var q, most = Math.max(0, rows - 1);
      for (q = Math.max(0, at.row - 1); q <= Math.min(most, at.row + 3); q++) { fill(q); }
      VC.slide(root, 0, -tops[at.row]);
      if (VC.zone() === self) { show(); }
    };
    function focusedLink() {
      var many = grid ? grid[0] : SIZE[railOf(at.row).shape][2];
      return slots[at.row % ROWS].cards[at.col % many].a;
    }
    function show() {
      var card = cardAt(at.row, at.col), rail = railOf(at.row);
      VC.focus(focusedLink());
      if (!grid) { VC.fillHead(card, ways); }
      if (card) { VC.say(card.t + ', ' + (rail.title ? rail.title + ', ' : '') + (number(at.row, at.col) + 1) + ' of ' + rail.total); }
      VC.remember('rails', self.place());
    }
    this.move = function (dir) {
      var to = VC.step(at, lengths, dir, !!grid);
      if (!to && grid && dir === 'd' && at.row < rows - 1) { to = {row: at.row + 1, col: lengths[at.row + 1] - 1, mem: at.mem}; }
      if (!to) { return false; }
      at = to;
      self.draw();
      return true;
    };
    this.enter = function () { if (!rows || !lengths[at.row]) { return false; } self.draw(); show(); return true; };
    this.page = function (rowsOn) {
      var row = Math.max(0, Math.min(rows - 1, at.row + rowsOn));
      at.mem[at.row] = at.col;
      at = {row: row, col: Math.min(grid ? at.col : at.mem[row] || 0, lengths[row] - 1), mem: at.mem};
      self.draw();
      return true;
    };
    this.point = function (a) {
      var i, j, many;
      for (i = 0; i < slots.length; i++) {
        for (j = 0; slots[i] && j < slots[i].cards.length; j++) {
          many = slots[i].cards[j];
          if (many && many.a === a && many.n >= 0) {
            at.mem[at.row] = at.col;
            at = {row: slots[i].row, col: many.n, mem: at.mem};
            show();
            return;
          }
        }
      }
    };
    /* The place by name too: a rail that came meanwhile moves the rows, a new item the columns. */
    this.place = function () {
      var card = cardAt(at.row, at.col);
      return {row: at.row, col: at.col, mem: at.mem, rail: grid ? '' : railOf(at.row).key, card: card ? card.k : ''};
    };
    this.isFirst = function () { return at.row === 0 && at.col === 0; };
    this.toFirst = function () { at = {row: 0, col: 0, mem: []}; self.draw(); };
    this.restore = function (kept) {
      var q, cards;
      if (!kept || !lengths.length) { return false; }
      for (q = 0; !grid && kept.rail && q < rows; q++) {
        if (railOf(q).key === kept.rail && q !== kept.row) { kept = {row: q, col: kept.col, mem: [], rail: kept.rail, card: kept.card}; break; }
      }
      kept.row = Math.max(0, Math.min(kept.row, rows - 1));
      kept.col = Math.max(0, Math.min(kept.col, lengths[kept.row] - 1));
      cards = grid || !kept.card ? [] : railOf(kept.row).cards;
      for (q = 0; q < cards.length; q++) { if (cards[q] && cards[q].k === kept.card) { kept.col = q; } }
      at = {row: kept.row, col: kept.col, mem: kept.mem || []};
      return true;
    };
    adopt();
    this.restore(VC.recall('rails'));
    this.draw();
  };
}(VC));
