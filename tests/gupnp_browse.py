"""Browses with GUPnP, a UPnP stack that nobody here wrote; run by the system's Python.

``gupnp_browse.py INTERFACE CONTAINER…`` finds the first ContentDirectory and prints, as JSON, its
location and the DIDL text of each container.
"""

import json
import sys

import gi

gi.require_version("GSSDP", "1.6")
gi.require_version("GUPnP", "1.6")
from gi.repository import GSSDP, GLib, GUPnP  # noqa: E402 - versions are chosen first

LIMIT_S = 8
NAMES = [
    *("ObjectID", "BrowseFlag", "Filter"),
    *("StartingIndex", "RequestedCount", "SortCriteria"),
]


def main(interface, containers):
    """Search, browse, print."""
    loop = GLib.MainLoop()
    context = GUPnP.Context.new_full(interface, None, 0, GSSDP.UDAVersion(0))
    point = GUPnP.ControlPoint.new(context, "urn:schemas-upnp-org:service:ContentDirectory:1")

    def browse(_point, proxy):
        found = {"location": proxy.get_location()}
        for container in containers:
            values = [container, "BrowseDirectChildren", "*", 0, 0, ""]
            action = GUPnP.ServiceProxyAction.new_from_list("Browse", NAMES, values)
            proxy.call_action(action, None)
            found[container] = action.get_result_list(["Result"], [str]).out_values[0]
        sys.stdout.write(json.dumps(found))
        loop.quit()

    point.connect("service-proxy-available", browse)
    point.set_active(True)
    GLib.timeout_add_seconds(LIMIT_S, loop.quit)
    loop.run()


main(sys.argv[1], sys.argv[2:])
