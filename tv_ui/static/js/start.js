/* Runs before the page is drawn: says that scripts work, and whether this set gets movement. */
(function (root) {
  'use strict';
  var html = document.documentElement, agent = navigator.userAgent, chrome = /Chrome\/(\d+)/.exec(agent), calm;
  try { calm = localStorage.getItem('calm'); } catch (x) { calm = null; }
  if (calm === null) {
    calm = (chrome && +chrome[1] < 53) || (!chrome && /AppleWebKit\/53[78]/.test(agent)) ||
      (root.matchMedia && root.matchMedia('(prefers-reduced-motion: reduce)').matches) ? '1' : '0';
  }
  html.className = 'js' + (calm === '1' ? ' calm' : '');
  root.VC = {};
}(window));
