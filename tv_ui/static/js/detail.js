/* Detail: asks what this very set will be given, and says why. */
(function (VC) {
  'use strict';
  var item = document.querySelector('.det').getAttribute('data-item');
  if (!item) { return; }
  VC.ask('POST', '/api/v1/items/' + item + '/plan', {screen: VC.screen()}, function (plan) {
    VC.text(VC.$('why'), plan.sentence);
  }, function (e) { VC.text(VC.$('why'), e.message); });
}(VC));
