/* The panel at the right: choose sound, subtitles or a chapter while the film runs. */
(function (VC) {
  'use strict';
  var side = VC.$('side'), zone = null, before = null, NS = 'http://www.w3.org/2000/svg';

  function tick(el) {
    var svg = document.createElementNS(NS, 'svg'), path = document.createElementNS(NS, 'path');
    svg.setAttribute('viewBox', '0 0 16 16');
    path.setAttribute('d', 'M2 8.5l4 4 8-9');
    path.setAttribute('fill', 'none');
    path.setAttribute('stroke', 'currentColor');
    path.setAttribute('stroke-width', '2.4');
    svg.appendChild(path);
    el.appendChild(svg);
  }

  /* groups: [{title, options: [{label, note, on, act}]}]; OK chooses and the panel stays. */
  VC.panel = {
    isOpen: function () { return !VC.has(side, 'none'); },
    open: function (groups, marks) {
      var i, j, box, option, first = null, list = VC.make('div', 'list', side), inner = VC.make('div', '', list);
      function add(group, box, one) {
        option = VC.make('button', 'opt' + (one.on ? ' on' : ''), box);
        tick(option);
        option.appendChild(document.createTextNode(one.label));
        VC.text(VC.make('small', '', option), one.note || '');
        option.onclick = function () {
          var all = box.querySelectorAll('.opt'), k;
          for (k = 0; k < all.length; k++) { VC.drop(all[k], 'on'); }
          VC.add(this, 'on');
          one.act();
        };
        if (one.on && !first) { first = option; }
      }
      for (i = 0; i < groups.length; i++) {
        box = VC.make('div', 'group', inner);
        VC.text(VC.make('h2', '', box), groups[i].title);
        for (j = 0; j < groups[i].options.length; j++) { add(groups[i], box, groups[i].options[j]); }
      }
      VC.drop(side, 'none');
      VC.add(document.body, 'tracks');
      zone = new VC.Links(side, true);
      before = VC.focused();
      VC.addZone(zone, 0);
      VC.enterZone(zone);
      if (first) { zone.take(first); }
      VC.openPanel(function () {
        VC.add(side, 'none');
        VC.drop(document.body, 'tracks');
        side.textContent = '';
        if (marks) { marks(before); }
      });
    },
    zone: function () { return zone; }
  };
}(VC));
