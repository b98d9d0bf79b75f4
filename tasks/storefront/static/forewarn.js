// Shows on a product's page when it can be had:
//   <script src=".../forewarn.js" defer></script>
//   <a data-forewarn="PRODUCT" href=".../stock/PRODUCT.html">Delivery time</a>
// In stock: the link goes. Short: the notice takes its place, or opens from it with data-forewarn-popup.
// Out of reach: the link stays as it is.
(() => {
  "use strict";
  const style = `
    :where(.forewarn, .forewarn-popup) {
      border: 1px solid #e2ddd3; border-radius: 8px; padding: .5em .75em; background: #f7f5f0; color: #22262b;
    }
    :where(.forewarn) { display: inline-block; overflow-wrap: anywhere; }
    :where(.forewarn:empty) { border: 0; padding: 0; }
    :where(.forewarn-popup) {
      box-sizing: border-box; max-width: min(28em, 92vw); padding: 1.25em 1.5em; overflow-wrap: anywhere;
    }
    :where(.forewarn-popup)::backdrop { background: #0008; }
    :where(.forewarn-popup) h2 { margin: 0 0 .5em; font-size: 1.2em; }
    :where(.forewarn-popup) p { margin: 0 0 1em; }
    :where(.forewarn-open, .forewarn-popup button) { background: none; color: inherit; font: inherit; cursor: pointer; }
    :where(.forewarn-open) { border: 0; padding: 0; text-align: start; text-decoration: underline; }
    :where(.forewarn-popup button) { border: 1px solid; border-radius: 6px; padding: .4em 1.25em; }
    @media (prefers-color-scheme: dark) {
      :where(.forewarn, .forewarn-popup) { border-color: #3a4047; background: #262b30; color: #eceef0; }
    }`;

  function make(tag, name, text) {
    const made = document.createElement(tag);
    if (name) made.className = name;
    if (text) made.textContent = text;
    return made;
  }

  // Who had the focus keeps their place, be it an empty one.
  function swap(old, made) {
    const held = old === document.activeElement;
    if (!made && !held) return old.remove();
    made ||= make("span");
    old.replaceWith(made);
    if (!held) return;
    if (made.tabIndex < 0) made.tabIndex = -1;
    made.focus();
  }

  function words(notice, link) {
    const page = link.closest("[lang]");
    for (const lang of page && page.lang ? [page.lang] : navigator.languages) {
      const family = lang.toLowerCase().split("-")[0];
      const kin = Object.keys(notice.texts).filter((one) => one.toLowerCase().split("-")[0] === family);
      const found = kin.find((one) => one.toLowerCase() === lang.toLowerCase()) || kin[0];
      if (found) return { lang: found, ...notice.texts[found] };
    }
    return notice;
  }

  function inline(said, link) {
    const shown = make("span", "forewarn");
    shown.setAttribute("role", "status");
    shown.lang = said.lang;
    swap(link, shown);
    // A screen reader tells what changes in a status, not what it came with.
    setTimeout(() => (shown.textContent = said.text), 50);
    return () => swap(shown);
  }

  function popup(said, link) {
    const opener = make("button", "forewarn-open", link.textContent);
    opener.type = "button";
    opener.setAttribute("aria-haspopup", "dialog");
    const dialog = make("dialog", "forewarn-popup");
    const close = make("button", "", "OK");
    dialog.setAttribute("aria-label", said.title);
    dialog.lang = said.lang;
    dialog.append(make("h2", "", said.title), make("p", "", said.text), close);
    close.type = "button";
    close.onclick = () => dialog.close();
    dialog.setAttribute("closedby", "any");
    opener.onclick = () => dialog.showModal();
    swap(link, opener);
    document.body.append(dialog);
    return () => {
      dialog.close();
      dialog.remove();
      swap(opener);
    };
  }

  // By the server's clock where it can be read: asked anew each time, so that its Date is now.
  async function ask(address, method) {
    const answer = await fetch(address, { method, cache: "no-cache", credentials: "omit" });
    const date = Date.parse(answer.headers.get("date"));
    return { answer, now: date ? date + 1000 * (answer.headers.get("age") || 0) : Date.now() };
  }

  // Looks each minute, for a timer stands still while a computer sleeps.
  function after(left, end) {
    const over = Date.now() + left;
    const look = () => {
      const ms = over - Date.now();
      ms > 0 ? setTimeout(look, Math.min(ms, 60000)) : end();
    };
    look();
  }

  async function tell(link) {
    const address = new URL(link.href);
    address.pathname = address.pathname.replace(/(\.html)?$/, ".json");
    const { answer, now } = await ask(address);
    if (answer.status === 404) return swap(link);
    if (!answer.ok) return;
    const notice = await answer.json();
    // Another copy of this script may have been here first.
    if (!link.isConnected) return;
    const left = Date.parse(notice.valid_until) - now;
    if (notice.product !== link.dataset.forewarn || !notice.text || !(left > 0)) return swap(link);
    const asPopup = "forewarnPopup" in link.dataset && "HTMLDialogElement" in window;
    after(left, (asPopup ? popup : inline)(words(notice, link), link));
  }

  // The plain page: what it says goes with its time, and other words come.
  async function expire(olds) {
    const { now } = await ask(location, "HEAD").catch(() => ({ now: Date.now() }));
    olds.forEach((old) =>
      after(Date.parse(old.dataset.forewarnUntil) - now, () => {
        old.remove();
        document.querySelectorAll("[data-forewarn-after]").forEach((one) => (one.hidden = false));
      }),
    );
  }

  const sheet = new CSSStyleSheet();
  sheet.replaceSync(style);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  document.querySelectorAll("a[data-forewarn]").forEach((link) => tell(link).catch(() => {}));
  const olds = document.querySelectorAll("[data-forewarn-until]");
  if (olds.length) expire(olds);
})();
