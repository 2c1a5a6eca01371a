/* Browse on the phone: a tap opens the sheet, and the film plays on the TV. */
(function (VC) {
  'use strict';
  var $ = VC.$, item = 0, ready = false, told = 0;
  function play(from) {
    var m = {t: 'open', item: item};
    if (from !== undefined) { m.position_s = from; }
    VC.turn($('sheet'), 'none', true);
    if (!VC.send(m)) { VC.toast('Looking for the gateway'); return; }
    clearTimeout(told);
    told = setTimeout(function () { location.href = '/remote'; }, 700);
  }
  VC.each('[data-item]', function (b) {
    b.onclick = function () {
      var pics = b.querySelectorAll('img');
      item = +b.getAttribute('data-item');
      $('sheettitle').textContent = b.getAttribute('data-title');
      $('sheetnote').textContent = b.getAttribute('data-note');
      $('sheetpic').src = pics[pics.length - 1].src;
      VC.turn($('sheet'), 'none', false);
    };
  });
  $('ontv').onclick = function () { play(); };
  $('resume').onclick = function () { play(0); };
  $('close').onclick = function () { VC.turn($('sheet'), 'none', true); };
  $('sheet').onclick = function (e) { if (e.target === this) { VC.turn(this, 'none', true); } };
  VC.onMessage(function (m) {
    var kept = VC.tv();
    if (m.t === 'screens' && !ready) {
      ready = true;
      if (!m.to && kept && m.screens.some(function (s) { return s.tv === kept; })) { VC.send({t: 'to', tv: kept}); }
    } else if (m.t === 'error') { clearTimeout(told); VC.toast(m.message); }
  });
  VC.connect();
}(VC));
