/* Back and memory: real history entries, one per screen and one per open panel, and for each screen the
   place one left. */
(function (VC) {
  'use strict';
  var panels = [], last = 0, up = document.body.getAttribute('data-up'), here = location.pathname + location.search;

  function read(key) { try { return JSON.parse(sessionStorage.getItem(key)); } catch (x) { return null; } }
  function write(key, value) { try { sessionStorage.setItem(key, JSON.stringify(value)); } catch (x) { /* full or off */ } }

  /* The addresses one came through: going back to one cuts what lies above it. */
  function trail() {
    var list = read('trail') || [], kind = window.performance && performance.navigation ? performance.navigation.type : 0, at;
    if (kind === 2) {
      at = list.lastIndexOf(here);
      list = at < 0 ? [here] : list.slice(0, at + 1);
    } else if (list[list.length - 1] !== here) { list.push(here); }
    write('trail', list.slice(-40));
    return list;
  }
  var came = trail();

  VC.recall = function (name) { return (read('at ' + here) || {})[name]; };
  VC.remember = function (name, value) {
    var all = read('at ' + here) || {};
    all[name] = value;
    write('at ' + here, all);
  };

  /* Show a panel as a history entry; Back closes it. */
  VC.openPanel = function (close) {
    panels.push(close);
    history.pushState({panel: panels.length}, '', location.href);
  };
  window.addEventListener('popstate', function () {
    var close = panels.pop();
    if (close) { last = Date.now(); close(); }
  }, false);

  /* One step back. Returns false where the set itself should leave the page. */
  VC.back = function () {
    var now = Date.now(), page = VC.onBack;
    if (now - last < 300) { return true; }
    last = now;
    if (panels.length) { history.back(); return true; }
    if (page && page()) { return true; }
    if (came.length > 1) { history.back(); return true; }
    if (up) { write('trail', []); location.replace(up); return true; }
    return false;
  };

  /* Go on in the place of this screen: Back skips it. */
  VC.replace = function (href) {
    var list = read('trail') || [];
    list.pop();
    write('trail', list);
    location.replace(href);
  };
}(VC));
