/* First visit: the part of the address after # (an owner's secret or a TV's digits) never left the phone; it is
   sent once and taken out of the address. Else the digits are typed. */
(function (VC) {
  'use strict';
  var mark = location.hash.slice(1), code = /^(\d{6})(?:\.[\w-]*)?$/.exec(mark), own = /^own\.([\w-]+)$/.exec(mark);
  function name() {
    var agent = navigator.userAgent;
    return /iPhone/.test(agent) ? 'iPhone' : /iPad/.test(agent) ? 'iPad' : /Android/.test(agent) ? 'Android phone' : 'Browser';
  }
  function inside(answer) { if (answer && answer.target) { VC.tv(answer.target); } location.replace('/remote'); }
  function failed(e) {
    var words = e.message || 'That did not work.';
    if (VC.$('said')) { VC.$('said').textContent = words; } else { VC.toast(words); }
  }
  function pair(digits) { VC.ask('POST', '/api/v1/pair', {code: digits, name: name()}, inside, failed); }
  if (mark) { history.replaceState(null, '', location.pathname); }
  if (own) { VC.ask('POST', '/api/v1/owner', {secret: own[1], name: name()}, inside, failed); }
  else if (code) { pair(code[1]); }
  if (!VC.$('pair')) { return; }
  VC.$('pair').onsubmit = function (e) {
    var digits = VC.$('code').value.replace(/\D/g, '');
    e.preventDefault();
    if (digits.length === 6) { pair(digits); } else { failed({message: 'Six digits, as the TV shows them.'}); }
  };
  VC.onMessage(function (m) { if (m.t === 'door' && m.state === 'approved') { inside(); } });
  VC.connect();
}(VC));
