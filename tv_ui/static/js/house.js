/* Devices and vaults: the owner's buttons, and a fresh list when something moved. */
(function (VC) {
  'use strict';
  function again() { location.reload(); }
  VC.each('[data-device]', function (b) {
    b.onclick = function () { VC.ask('POST', '/api/v1/devices/' + encodeURIComponent(b.getAttribute('data-device')) + '/' + b.getAttribute('data-act'), {}, again); };
  });
  VC.each('[data-source]', function (b) {
    b.onclick = function () { VC.ask('POST', '/api/v1/sources/' + encodeURIComponent(b.getAttribute('data-source')) + '/' + b.getAttribute('data-act'), {}, again); };
  });
  VC.onMessage(function (m) { if (m.t === 'devices' || m.t === 'sources') { again(); } });
  VC.connect();
}(VC));
