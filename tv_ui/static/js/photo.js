/* One photo: left and right go on, the line below hides. */
(function (VC) {
  'use strict';
  var photo = VC.$('photo'), hide = 0;
  function wake() {
    VC.drop(document.body, 'quiet');
    clearTimeout(hide);
    hide = setTimeout(function () { VC.add(document.body, 'quiet'); }, 4000);
  }
  VC.pageKey = function (name) {
    var href = name === 'l' || name === 'previous' ? photo.getAttribute('data-previous') :
      name === 'r' || name === 'next' ? photo.getAttribute('data-next') : null;
    wake();
    if (href) { VC.replace(href); return true; }
    return false;
  };
  wake();
}(VC));
