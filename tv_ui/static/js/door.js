/* Lobby and pairing: goes on by itself when the owner said yes or a phone joined. */
(function (VC) {
  'use strict';
  var lobby = VC.has(document.body, 'lobby'), life = VC.$('life'), lasts = life ? +life.getAttribute('data-lasts') : 0, began = Date.now(), joined = null;

  function joins(answer) {
    if (lobby) { if (answer.state === 'approved') { location.replace('/tv'); } return; }
    if (joined === null) { joined = answer.remotes; return; }
    if (answer.remotes > joined) {
      VC.$('joined').textContent = 'A phone joined. It is the remote of this screen now.';
      VC.add(VC.$('joined'), 'mint');
      joined = answer.remotes;
      setTimeout(function () { if (!VC.back()) { location.replace('/tv'); } }, 1500);
    }
  }
  function look() { VC.ask('GET', '/tv/door', null, joins); }
  VC.onDoor = function (m) { if (m.state === 'approved' && lobby) { location.replace('/tv'); } };
  setInterval(look, 2000);
  look();
  if (life) {
    setInterval(function () {
      var part = Math.max(0, 1 - (Date.now() - began) / 1000 / lasts);
      life.style.webkitTransform = life.style.transform = 'scaleX(' + part + ')';
      if (part <= 0) { location.reload(); }
    }, 1000);
  }
}(VC));
