/* Key codes of the makers to names of ours. Sources: tv_browsers.md 3.1. */
(function (VC) {
  'use strict';
  var NAMES = {
    37: 'l', 38: 'u', 39: 'r', 40: 'd', 203: 'u', 204: 'd', 205: 'l', 206: 'r', 211: 'u', 212: 'd', 213: 'r', 214: 'l',
    10009: 'back', 461: 'back', 8: 'back', 27: 'back', 166: 'back', 4: 'back', 196: 'back',
    415: 'play', 19: 'pause', 179: 'toggle', 10252: 'toggle', 463: 'toggle', 413: 'stop', 178: 'stop',
    412: 'rewind', 227: 'rewind', 417: 'forward', 228: 'forward',
    10232: 'previous', 424: 'previous', 177: 'previous', 10233: 'next', 425: 'next', 176: 'next',
    404: 'tracks', 460: 'tracks', 406: 'phone', 427: 'pageup', 33: 'pageup', 428: 'pagedown', 34: 'pagedown'
  };
  var busy = false, waiting = null, frame = window.requestAnimationFrame || function (f) { setTimeout(f, 16); };

  function editable(el) {
    var name = el && el.tagName;
    return name === 'TEXTAREA' || (name === 'INPUT' && !/^(button|submit|checkbox|radio)$/.test(el.type));
  }

  /* Name of a key, '' for one that is none of ours. Backspace in a field deletes a letter. */
  VC.keyName = function (code, target) {
    if ((code === 8 || (code >= 37 && code <= 40)) && editable(target)) { return ''; }
    if (code >= 48 && code <= 57) { return 'n' + (code - 48); }
    if (code >= 96 && code <= 105) { return 'n' + (code - 96); }
    return NAMES[code] || '';
  };

  function drawn() {
    busy = false;
    if (waiting) { var one = waiting; waiting = null; move(one.name, one.act); }
  }

  /* Arrows act at once, but never queue: until the last move is drawn only the latest is kept. */
  function move(name, act) {
    if (busy) { waiting = {name: name, act: act}; return true; }
    busy = true;
    frame(function () { setTimeout(drawn, 0); });
    return act(name, true);
  }

  /* act(name) returns true when the key was used. OK is left to the browser: it clicks. */
  VC.onKeys = function (act) {
    document.addEventListener('keydown', function (e) {
      var name = VC.keyName(e.keyCode, e.target), used;
      if (!name || e.ctrlKey || e.altKey || e.metaKey) { return; }
      VC.keyed = true;
      used = name.length === 1 ? move(name, act) : act(name);
      if (used) { e.preventDefault(); }
    }, false);
    document.addEventListener('keyup', function () { waiting = null; }, false);
  };
}(VC));
