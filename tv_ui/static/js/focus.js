/* Where the focus goes: two pure functions, no document. */
(function (VC) {
  'use strict';
  /* Next rectangle from here. from: {left, top, right, bottom}; list: the others; dir: l r u d.
     Returns an index of list, or -1. A candidate's centre lies in the direction, and it either overlaps
     sideways or lies wholly beyond the edge; the nearest wins, what stands aside costs more. */
  VC.next = function (from, list, dir) {
    var flat = dir === 'l' || dir === 'r', x = (from.left + from.right) / 2, y = (from.top + from.bottom) / 2;
    var best = -1, least = 1e12, i, to, dx, dy, gap, aside, away, cost;
    for (i = 0; i < list.length; i++) {
      to = list[i];
      dx = (to.left + to.right) / 2 - x;
      dy = (to.top + to.bottom) / 2 - y;
      gap = dir === 'l' ? from.left - to.right : dir === 'r' ? to.left - from.right :
        dir === 'u' ? from.top - to.bottom : to.top - from.bottom;
      away = dir === 'l' ? -dx : dir === 'r' ? dx : dir === 'u' ? -dy : dy;
      if (away < 4) { continue; }
      aside = flat ? Math.max(0, to.top - from.bottom, from.top - to.bottom) :
        Math.max(0, to.left - from.right, from.left - to.right);
      if (gap < -4 && (aside > 0 || gap < -0.3 * (flat ? from.right - from.left : from.bottom - from.top))) {
        continue;
      }
      if (gap < -4 && (flat ? Math.min(from.bottom, to.bottom) <= Math.max(from.top, to.top) :
        Math.min(from.right, to.right) <= Math.max(from.left, to.left))) { continue; }
      cost = Math.max(0, gap) + 4 * aside + 0.3 * Math.abs(flat ? dy : dx);
      if (cost < least) { least = cost; best = i; }
    }
    return best;
  };

  /* Next card by numbers. at: {row, col, mem: [col of each row]}; lengths: cards in each row; keeps: columns
     are one grid (the column stays) or rails (each row remembers its own). Returns the new place or null. */
  VC.step = function (at, lengths, dir, keeps) {
    var row = at.row, col = at.col, mem = at.mem.slice();
    if (dir === 'l') { col -= 1; } else if (dir === 'r') { col += 1; } else { row += dir === 'u' ? -1 : 1; }
    if (row < 0 || row >= lengths.length || col < 0 || (row === at.row && col >= lengths[row])) { return null; }
    if (row !== at.row) {
      mem[at.row] = at.col;
      col = Math.min(keeps ? at.col : mem[row] || 0, lengths[row] - 1);
      if (col < 0) { return null; }
    }
    return {row: row, col: col, mem: mem};
  };
}(typeof VC === 'undefined' ? this : VC));
