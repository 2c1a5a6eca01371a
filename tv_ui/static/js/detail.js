/* Detail: the backdrop fades in, and the way gets its last step: what this very set will be given. */
(function (VC) {
  'use strict';
  var box = document.querySelector('.det'), item = box.getAttribute('data-item'), back = document.querySelector('.art .back');
  function shown() { VC.add(back, 'in'); }
  if (back) { if (back.complete && back.naturalWidth) { shown(); } else { back.onload = shown; } }
  if (!item) { return; }
  VC.ask('POST', '/api/v1/items/' + item + '/plan', {screen: VC.screen()}, function (plan) {
    var way = VC.$('way'), last = way.lastChild, span;
    if (last && last.getAttribute('data-plan')) { way.removeChild(last); }
    span = document.createElement('span');
    span.className = plan.mode === 'direct' ? 'key' : '';
    span.setAttribute('data-plan', '1');
    span.appendChild(document.createElement('i'));
    span.appendChild(document.createElement('b')).textContent = plan.sentence;
    way.appendChild(span);
  });
}(VC));
