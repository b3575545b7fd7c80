// Shows what the shop pushes to a consultant's browser, and opens the page that it is about.

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

function told(event) {
  try {
    return event.data.json();
  } catch {
    return {};
  }
}

/** A path of this site, whatever the message says. */
function address(path) {
  const url = new URL(typeof path === "string" ? path : "/consultant", self.location.origin);
  return url.origin === self.location.origin ? url.href : `${self.location.origin}/consultant`;
}

self.addEventListener("push", (event) => {
  const data = told(event);
  event.waitUntil(self.registration.showNotification(data.title || "MCPShop", {
    body: data.body || "",
    tag: data.tag || "mcpshop",
    lang: data.lang || "",
    icon: "/static/img/favicon.svg",
    data: { url: address(data.url) },
  }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const url = event.notification.data?.url || address("/consultant");
  event.waitUntil((async () => {
    const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    const open = windows.find((each) => new URL(each.url).pathname === new URL(url).pathname);
    return open ? open.focus() : self.clients.openWindow(url);
  })());
});
