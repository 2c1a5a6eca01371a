import time
from importlib import resources

import pytest
from defusedxml import ElementTree
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadArgument, BadRequest
from gateway.upnp import description, didl, gena, npt, soap
from gateway.upnp.filter import parse_filter, wants
from gateway.upnp.protocol_info import (
    CONVERTED,
    direct_features,
    image_profile,
    protocol_info,
)
from gateway.upnp.sort import BadSort, SortKey, parse_sort
from gateway.upnp.xml import BadXml, clean_text, escape_attribute, escape_text, parse_xml

CDS = description.CONTENT_DIRECTORY.type


def envelope(inner: str) -> bytes:
    return (
        f'<?xml version="1.0"?><s:Envelope xmlns:s="{soap.ENVELOPE}"><s:Body>{inner}</s:Body>'
        "</s:Envelope>"
    ).encode()


# XML


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<a>",
        b"<a></b>",
        b"<s:a/>",
        b"<!DOCTYPE a><a/>",
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b"<a>&nbsp;</a>",
        b'<?xml version="1.0" encoding="no-such"?><a/>',
        b'<?xml version="1.0" encoding="utf-7"?><a>+</a>',
        b"<a>\x01</a>",
        b"<a>" * 33 + b"</a>" * 33,
        b"<a>" + b"<b/>" * 2000 + b"</a>",
        b"<a>" + b"x" * 70_000 + b"</a>",
    ],
)
def test_unsafe_or_broken_xml_is_refused(text: bytes) -> None:
    with pytest.raises(BadXml):
        parse_xml(text)


def test_an_xml_bomb_is_refused_at_once() -> None:
    layers = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE a [<!ENTITY l0 "ha">{layers}]><a>&l11;</a>'.encode()
    began = time.perf_counter()
    with pytest.raises(BadXml, match="document type"):
        parse_xml(bomb)
    assert time.perf_counter() - began < 0.05


def test_namespaces_attributes_and_text_are_read() -> None:
    root = parse_xml(b'<x:a xmlns:x="urn:1" k="v"><b> t&amp;u </b><b/></x:a>')
    assert (root.namespace, root.name, root.attributes) == ("urn:1", "a", {"k": "v"})
    first = root.child("b")
    assert first is not None
    assert first.text == " t&u "
    assert root.child("c") is None


@given(st.binary(max_size=300))
def test_any_bytes_parse_or_are_refused(data: bytes) -> None:
    try:
        assert parse_xml(data).name
    except BadXml as refused:
        assert refused.code == "bad_xml"  # noqa: PT017


@given(st.text(st.characters(exclude_categories=[])))
def test_cleaned_and_escaped_text_survives_a_strict_parser(text: str) -> None:
    shown = clean_text(text)
    document = f'<a k="{escape_attribute(shown)}">{escape_text(shown)}</a>'.encode()
    root = parse_xml(document)
    assert root.attributes["k"] == shown
    assert root.text == shown.replace("\r\n", "\n").replace("\r", "\n")


# SOAP


def test_a_call_is_read_whatever_its_prefixes_order_and_blanks() -> None:
    body = envelope(
        f'\n <m:Browse xmlns:m="{CDS}">\n<Filter>*</Filter><ObjectID>0</ObjectID>'
        "<SortCriteria/>\n</m:Browse> "
    )
    call = soap.parse_call(f'"{CDS}#Browse"', body)
    assert (call.service, call.action) == (CDS, "Browse")
    assert call.arguments == {"Filter": "*", "ObjectID": "0", "SortCriteria": ""}


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (None, envelope("<Browse/>")),
        ("", envelope("<Browse/>")),
        ("Browse", envelope("<Browse/>")),
        (f"{CDS}#", envelope("<Browse/>")),
        (f"{CDS}#Search", envelope("<Browse/>")),
        (f"{CDS}#Browse", envelope("")),
        (f"{CDS}#Browse", b"<Browse/>"),
        (f"{CDS}#Browse", b""),
    ],
)
def test_what_is_no_call_is_refused(header: str | None, body: bytes) -> None:
    with pytest.raises(BadRequest):
        soap.parse_call(header, body)


@given(st.text(max_size=100), st.binary(max_size=200))
def test_any_request_is_a_call_or_refused(header: str, body: bytes) -> None:
    try:
        call = soap.parse_call(header, body)
    except BadRequest:
        return
    assert call.action


def test_an_answer_escapes_text_once_and_leaves_escaped_text_alone() -> None:
    text = soap.render_answer(
        CDS, "Browse", {"Result": soap.Escaped("&lt;a/&gt;"), "Caps": "a<b\x00", "N": 3}
    )
    root = ElementTree.fromstring(text)
    response = root[0][0]
    assert response.tag == f"{{{CDS}}}BrowseResponse"
    assert [(one.tag, one.text) for one in response] == [
        ("Result", "<a/>"),
        ("Caps", "a<b"),
        ("N", "3"),
    ]


def test_a_fault_names_code_and_reason() -> None:
    root = ElementTree.fromstring(soap.render_fault(701, "no such <object>"))
    fault = root[0][0]
    assert [one.text for one in fault][:2] == ["s:Client", "UPnPError"]
    error = fault[2][0]
    assert error.tag == f"{{{soap.CONTROL}}}UPnPError"
    assert [one.text for one in error] == ["701", "no such <object>"]


# npt


@pytest.mark.parametrize(
    ("text", "start_s", "stop_s"),
    [
        ("npt=335.11-", 335.11, None),
        ("npt=0-", 0.0, None),
        ("npt=10.000-59.999", 10.0, 59.999),
        ("npt=0:05:35.3-0:06:00", 335.3, 360.0),
        (" npt = 1:00:00 - ", 3600.0, None),
        ("NPT=5-5", 5.0, 5.0),
    ],
)
def test_time_seek_is_read(text: str, start_s: float, stop_s: float | None) -> None:
    assert npt.parse_time_seek(text) == npt.TimeRange(pytest.approx(start_s), stop_s)


@pytest.mark.parametrize(
    "text", ["", "npt=", "npt=-5", "bytes=0-", "npt=a-b", "npt=10-5", "npt=1:99:00-", "npt=1-2-3"]
)
def test_bad_time_seek_is_refused(text: str) -> None:
    with pytest.raises(BadArgument):
        npt.parse_time_seek(text)


def test_time_seek_answers() -> None:
    assert npt.render_time_seek(10, 59.999, 60) == "npt=10.000-59.999/60.000"
    assert npt.render_time_seek(10, None, 60) == "npt=10.000-60.000/60.000"
    assert npt.render_time_seek(10, None, None) == "npt=10.000-/*"


@given(st.floats(0, 10**6))
def test_a_duration_reads_back(duration_s: float) -> None:
    text = npt.render_duration(duration_s)
    assert npt.parse_time(text) == pytest.approx(duration_s, abs=0.0006)


def test_durations_round_up_through_minutes_and_hours() -> None:
    assert npt.render_duration(5) == "0:00:05.000"
    assert npt.render_duration(59.9999) == "0:01:00.000"
    assert npt.render_duration(3599.9996) == "1:00:00.000"


# protocolInfo


def test_fourth_fields_have_their_order() -> None:
    zeros = "0" * 24
    assert protocol_info("video/mp4", direct_features("video/mp4")) == (
        f"http-get:*:video/mp4:DLNA.ORG_OP=01;DLNA.ORG_CI=0;DLNA.ORG_FLAGS=01700000{zeros}"
    )
    assert str(direct_features("image/jpeg", "JPEG_SM")) == (
        f"DLNA.ORG_PN=JPEG_SM;DLNA.ORG_OP=01;DLNA.ORG_CI=0;DLNA.ORG_FLAGS=00F00000{zeros}"
    )
    assert str(CONVERTED) == f"DLNA.ORG_OP=10;DLNA.ORG_CI=1;DLNA.ORG_FLAGS=01700000{zeros}"
    assert protocol_info("text/srt", None) == "http-get:*:text/srt:*"


@pytest.mark.parametrize(
    ("width", "height", "name"),
    [
        (160, 160, "JPEG_TN"),
        (161, 90, "JPEG_SM"),
        (640, 480, "JPEG_SM"),
        (480, 640, "JPEG_MED"),
        (4096, 4096, "JPEG_LRG"),
        (4097, 10, None),
    ],
)
def test_picture_profiles_follow_the_pixels(width: int, height: int, name: str | None) -> None:
    assert image_profile(width, height) == name


# Filter and sort


@pytest.mark.parametrize("text", ["", " ", "*", "x", "dc:title,*"])
def test_short_and_star_filters_ask_for_all(text: str) -> None:
    assert parse_filter(text) is None
    assert wants(parse_filter(text), "anything")


def test_a_filter_brings_required_names_and_elements_of_attributes() -> None:
    fields = parse_filter(
        "@size, res@duration,container@childCount,upnp:albumArtURI@dlna:profileID"
    )
    for name in (
        "@id",
        "dc:title",
        "upnp:class",
        "res",
        "res@size",
        "res@duration",
        "@childCount",
        "upnp:albumArtURI",
    ):
        assert wants(fields, name), name
    for name in ("upnp:artist", "res@bitrate", "@searchable"):
        assert not wants(fields, name), name


def test_sort_keys_are_read_and_odd_ones_dropped() -> None:
    assert parse_sort("") == ()
    assert parse_sort("+upnp:class, -dc:title,+microsoft:sourceURL") == (
        SortKey("upnp:class"),
        SortKey("dc:title", descending=True),
    )
    with pytest.raises(BadSort):
        parse_sort("dc:title")


# DIDL-Lite

RES = didl.Res(
    "http://10.0.0.1:8420/media/T/1.mkv",
    protocol_info("video/x-matroska", direct_features("video/x-matroska")),
    (("size", "5"), ("duration", "0:00:05.000"), ("bitrate", "23405")),
)
ITEM = didl.DidlItem(
    id="i1",
    parent_id="films",
    title="Tom & Jerry <3 \x00",
    upnp_class="object.item.videoItem",
    properties=(("dc:date", "2020-01-01"), ("upnp:genre", "Fun & games")),
    art=didl.Art("http://10.0.0.1:8420/art/T/1.jpg", "JPEG_TN"),
    resources=(RES,),
)


def test_an_item_is_well_formed_and_complete() -> None:
    root = ElementTree.fromstring(didl.render_document(didl.render_item(ITEM)))
    item = root[0]
    assert item.attrib == {"id": "i1", "parentID": "films", "restricted": "1"}
    assert [one.tag.partition("}")[2] for one in item] == [
        "title",
        "class",
        "date",
        "genre",
        "albumArtURI",
        "res",
    ]
    assert item[0].text == "Tom & Jerry <3 "
    assert item[4].attrib == {"{urn:schemas-dlna-org:metadata-1-0/}profileID": "JPEG_TN"}
    assert item[5].attrib["bitrate"] == "23405"


def test_a_filter_leaves_out_what_was_not_asked_for() -> None:
    text = didl.render_item(ITEM, parse_filter("dc:title,res@size"))
    assert "dc:date" not in text
    assert "albumArtURI" not in text
    assert ' size="5"' in text
    assert "duration" not in text
    assert "protocolInfo" in text
    assert "<res" not in didl.render_item(ITEM, parse_filter("dc:title"))


def test_a_container_shows_counts_only_when_known_and_wanted() -> None:
    folder = didl.DidlContainer("films", "0", "Films", "object.container.storageFolder", 7)
    assert didl.render_container(folder).startswith(
        '<container id="films" parentID="0" restricted="1" searchable="1" childCount="7">'
    )
    assert "childCount" not in didl.render_container(folder, parse_filter("dc:title"))


def test_a_title_is_cut_between_characters_and_never_empty() -> None:
    assert len(didl.cut_title("é" * 300).encode()) == 256
    assert len(didl.cut_title("x" + "é" * 300).encode()) == 255
    empty = didl.DidlItem("i2", "0", "\x07", "object.item")
    assert "<dc:title>-</dc:title>" in didl.render_item(empty)


@given(st.text(st.characters(exclude_categories=[]), max_size=80))
def test_any_title_gives_a_well_formed_soap_answer(title: str) -> None:
    item = didl.DidlItem("i1", "0", title, "object.item", properties=(("upnp:artist", title),))
    result = soap.Escaped(escape_text(didl.render_document(didl.render_item(item))))
    answer = ElementTree.fromstring(soap.render_answer(CDS, "Browse", {"Result": result}))
    inner = answer[0][0][0].text
    assert inner is not None
    assert len(ElementTree.fromstring(inner)) == 1


# description


def test_the_description_is_well_formed_and_names_services_in_order() -> None:
    device = description.Device(
        friendly_name="Anna & Bo's <TV> " + "x" * 80,
        udn="uuid:12345678-1234-1234-1234-123456789abc",
        version="1.0",
        services=description.SERVICES,
        icons=(description.Icon("large.png", "image/png", 120),),
    )
    root = ElementTree.fromstring(description.render_description(device))
    space = {"d": "urn:schemas-upnp-org:device-1-0", "n": "urn:schemas-dlna-org:device-1-0"}
    name = root.findtext("d:device/d:friendlyName", namespaces=space)
    assert name is not None
    assert name.startswith("Anna & Bo's <TV> ")
    assert len(name) <= 64
    assert root.findtext("d:device/n:X_DLNADOC", namespaces=space) == "DMS-1.50"
    types = [one.text for one in root.iterfind(".//d:serviceType", space)]
    assert types == [one.type for one in description.SERVICES]


@pytest.mark.parametrize("service", description.SERVICES, ids=lambda one: one.key)
def test_a_service_description_is_whole(service: description.Service) -> None:
    data = resources.files("gateway.upnp.services").joinpath(f"{service.key}.xml").read_bytes()
    root = ElementTree.fromstring(data)
    space = {"s": "urn:schemas-upnp-org:service-1-0"}
    variables = {one.text for one in root.iterfind(".//s:stateVariable/s:name", space)}
    related = {one.text for one in root.iterfind(".//s:relatedStateVariable", space)}
    assert related <= variables


# GENA

PEER = "192.168.1.20"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"CALLBACK": f"<http://{PEER}:5000/x>"}, 400),
        ({"SID": "uuid:1", "NT": "upnp:event"}, 400),
        ({"SID": "uuid:1", "CALLBACK": f"<http://{PEER}/x>"}, 400),
        ({}, 412),
        ({"NT": "upnp:event"}, 412),
        ({"NT": "other", "CALLBACK": f"<http://{PEER}:5000/x>"}, 412),
        ({"NT": "upnp:event", "CALLBACK": f"http://{PEER}:5000/x"}, 412),
        ({"NT": "upnp:event", "CALLBACK": "<https://192.168.1.20:5000/x>"}, 412),
        ({"NT": "upnp:event", "CALLBACK": "<http://192.168.1.21:5000/x>"}, 412),
        ({"NT": "upnp:event", "CALLBACK": "<http://8.8.8.8:5000/x>"}, 412),
        ({"NT": "upnp:event", "CALLBACK": "<http://localhost:5000/x>"}, 412),
        ({"NT": "upnp:event", "CALLBACK": "<http://tv.local:5000/x>"}, 412),
        ({"NT": "upnp:event", "CALLBACK": f"<http://{PEER}:22/x>"}, 412),
        ({"NT": "upnp:event", "CALLBACK": f"<http://{PEER}:99999/x>"}, 412),
        ({"NT": "upnp:event", "CALLBACK": f"<http://a:b@{PEER}:5000/x>"}, 412),
        ({"NT": "upnp:event", "CALLBACK": "<http://[::1/x>"}, 412),
    ],
)
def test_a_bad_subscription_is_refused(headers: dict[str, str], status: int) -> None:
    with pytest.raises(gena.BadSubscription) as refused:
        gena.parse_subscribe(headers, PEER)
    assert refused.value.status == status


def test_the_first_allowed_callback_counts() -> None:
    headers = {
        "NT": "upnp:event",
        "CALLBACK": f"<http://8.8.8.8/a> <http://{PEER}:5000/b><http://{PEER}/c>",
    }
    assert gena.parse_subscribe(headers, PEER) == gena.Subscribe(f"http://{PEER}:5000/b")
    assert gena.parse_subscribe({"SID": " uuid:7 "}, PEER) == gena.Renew("uuid:7")


def test_unsubscribe_takes_a_sid_alone() -> None:
    assert gena.parse_unsubscribe({"SID": "uuid:7"}) == "uuid:7"
    for headers, status in (({}, 412), ({"SID": "uuid:7", "NT": "upnp:event"}, 400)):
        with pytest.raises(gena.BadSubscription) as refused:
            gena.parse_unsubscribe(headers)
        assert refused.value.status == status


def test_event_keys_wrap_to_one() -> None:
    assert [gena.next_key(0), gena.next_key(1), gena.next_key(0xFFFF_FFFF)] == [1, 2, 1]


def test_a_property_set_holds_one_property_per_variable() -> None:
    root = ElementTree.fromstring(
        gena.render_properties({"SystemUpdateID": "7", "Other": "<&\x00"})
    )
    assert root.tag == f"{{{gena.EVENT}}}propertyset"
    assert [(one[0].tag, one[0].text) for one in root] == [("SystemUpdateID", "7"), ("Other", "<&")]
    assert gena.container_updates({"films": 3, "0": 4}) == "films,3,0,4"
