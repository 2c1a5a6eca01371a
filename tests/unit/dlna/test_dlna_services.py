import html
import re
from importlib import resources

import pytest
from defusedxml import ElementTree

from gateway import errors as gateway_errors
from gateway.dlna import errors
from gateway.dlna.connection_manager import ConnectionManager
from gateway.dlna.content_directory import MAX_PAGE, ContentDirectory
from gateway.dlna.registrar import Registrar
from gateway.dlna.visit import Family, Visit, is_of_the_house, player_name, recognise
from gateway.security.devices import Device, DeviceKind, DeviceState, Role
from gateway.upnp.description import SERVICES
from tests.fakes.shelf import FakeShelf, film
from transcode import errors as transcode_errors

BASE = "http://10.0.0.1:8420"


def visit(*, admitted: bool = True) -> Visit:
    device = Device(
        id="d1",
        kind=DeviceKind.PLAYER,
        address="10.0.0.9",
        name="TV",
        state=DeviceState.APPROVED if admitted else DeviceState.WAITING,
        role=Role.VIEWER,
        number="73",
        first_seen_s=0,
        seen_s=0,
    )
    return Visit(device, Family("", "generic"), BASE, "10.0.0.9")


SHELF = FakeShelf([film(one, f"Secret {one:03d}") for one in range(1, 31)])
CONTENT = ContentDirectory(SHELF, lambda one: f"token-of-{one.peer}")


async def browse(
    object_id: str, *, admitted: bool = True, **more: str
) -> tuple[list[dict[str, str]], dict[str, int]]:
    arguments = {
        "ObjectID": object_id,
        "BrowseFlag": "BrowseDirectChildren",
        "Filter": "*",
        "StartingIndex": "0",
        "RequestedCount": "0",
        "SortCriteria": "",
    } | more
    out = await CONTENT.call(visit(admitted=admitted), "Browse", arguments)
    root = ElementTree.fromstring(html.unescape(str(out["Result"])))
    numbers = {name: int(out[name]) for name in ("NumberReturned", "TotalMatches", "UpdateID")}
    found = [dict(one.attrib) | {"title": one[0].text} for one in root]
    assert list(out) == ["Result", *numbers]
    assert len(found) == numbers["NumberReturned"]
    return found, numbers


async def test_pages_join_to_the_whole_and_totals_stay() -> None:
    whole, numbers = await browse("films")
    assert numbers["TotalMatches"] == len(whole) == 30
    paged = []
    for start in range(0, 30, 7):
        page, numbers = await browse("films", StartingIndex=str(start), RequestedCount="7")
        assert numbers["TotalMatches"] == 30
        paged += page
    assert paged == whole
    beyond, numbers = await browse("films", StartingIndex="99", RequestedCount="7")
    assert (beyond, numbers["TotalMatches"]) == ([], 30)


async def test_metadata_is_one_object() -> None:
    found, numbers = await browse("i3", BrowseFlag="BrowseMetadata")
    assert [one["id"] for one in found] == ["i3"]
    assert numbers["TotalMatches"] == 1
    with_slash, _ = await browse("i3/", BrowseFlag="BrowseMetadata")
    assert with_slash == found


async def test_addresses_carry_the_players_own_token() -> None:
    out = await CONTENT.call(
        visit(), "Browse", {"ObjectID": "films", "BrowseFlag": "BrowseDirectChildren"}
    )
    assert f"{BASE}/media/token-of-10.0.0.9/1.mp4" in str(out["Result"])


async def test_container_id_is_taken_for_object_id() -> None:
    arguments = {"ContainerID": "films", "BrowseFlag": "BrowseDirectChildren"}
    out = await CONTENT.call(visit(), "Browse", arguments)
    assert out["TotalMatches"] == 30
    arguments = {"ObjectID": "0", "SearchCriteria": 'dc:title contains "003"'}
    out = await CONTENT.call(visit(), "Search", arguments)
    assert out["TotalMatches"] == 1


CALL = {"ObjectID": "films", "BrowseFlag": "BrowseDirectChildren"}


@pytest.mark.parametrize(
    ("action", "arguments", "number"),
    [
        ("Fly", {}, 401),
        ("Browse", {}, 402),
        ("Browse", CALL | {"BrowseFlag": "Sideways"}, 402),
        ("Browse", CALL | {"StartingIndex": "-1"}, 402),
        ("Browse", CALL | {"RequestedCount": "many"}, 402),
        ("Browse", CALL | {"RequestedCount": "99999999999"}, 402),
        ("Browse", CALL | {"BrowseFlag": "BrowseMetadata", "StartingIndex": "1"}, 402),
        ("Browse", CALL | {"ObjectID": "nowhere"}, 701),
        ("Browse", CALL | {"SortCriteria": "dc:title"}, 709),
        ("Search", {"ContainerID": "0", "SearchCriteria": "nonsense"}, 708),
        ("Search", {"ContainerID": "nowhere", "SearchCriteria": "*"}, 710),
    ],
)
async def test_faults_have_their_numbers(
    action: str, arguments: dict[str, str], number: int
) -> None:
    with pytest.raises(errors.ANSWERABLE) as raised:
        await CONTENT.call(visit(), action, arguments)
    assert errors.fault_of(raised.value)[0] == number


async def test_a_stranger_sees_one_folder_that_says_how_to_be_let_in() -> None:
    found, numbers = await browse("0", admitted=False)
    assert len(found) == 1
    assert found[0]["title"] == (f"Let this player in: open {BASE}/remote on your phone, number 73")
    inner, _ = await browse(found[0]["id"], admitted=False)
    assert len(inner) == 1
    assert await browse(inner[0]["id"], admitted=False) == (
        [],
        numbers | {"NumberReturned": 0, "TotalMatches": 0},
    )


async def test_nothing_of_the_library_leaks_to_a_stranger() -> None:
    for object_id in ("films", "i1", "nowhere"):
        for flag in ("BrowseMetadata", "BrowseDirectChildren"):
            with pytest.raises(gateway_errors.NotFound) as raised:
                await browse(object_id, admitted=False, BrowseFlag=flag)
            assert "Secret" not in str(raised.value)
    out = await CONTENT.call(
        visit(admitted=False), "Search", {"ContainerID": "0", "SearchCriteria": "*"}
    )
    assert (out["NumberReturned"], out["TotalMatches"]) == (0, 0)
    assert (
        "container"
        not in (await CONTENT.call(visit(admitted=False), "X_GetFeatureList", {}))["FeatureList"]
    )


async def test_being_let_in_is_a_change() -> None:
    before = await CONTENT.call(visit(admitted=False), "GetSystemUpdateID", {})
    after = await CONTENT.call(visit(), "GetSystemUpdateID", {})
    assert before != after == {"Id": SHELF.system_update_id}
    assert CONTENT.variables(visit())["SystemUpdateID"] == str(after["Id"])


async def test_capabilities_are_lists() -> None:
    caps = await CONTENT.call(visit(), "GetSearchCapabilities", {})
    assert "dc:title" in str(caps["SearchCaps"]).split(",")
    caps = await CONTENT.call(visit(), "GetSortCapabilities", {})
    assert "dc:title" in str(caps["SortCaps"]).split(",")
    assert MAX_PAGE >= 200


async def test_connections() -> None:
    manager = ConnectionManager()
    source = str((await manager.call(visit(), "GetProtocolInfo", {}))["Source"])
    assert all(len(one.split(":")) == 4 for one in source.split(","))
    info = await manager.call(visit(), "GetCurrentConnectionInfo", {"ConnectionID": "0"})
    assert info["Direction"] == "Output"
    for arguments, number in (({}, 402), ({"ConnectionID": "5"}, 706)):
        with pytest.raises(errors.ANSWERABLE) as raised:
            await manager.call(visit(), "GetCurrentConnectionInfo", arguments)
        assert errors.fault_of(raised.value)[0] == number


async def test_the_registrar_says_yes() -> None:
    registrar = Registrar()
    assert await registrar.call(visit(), "IsAuthorized", {"DeviceID": "x"}) == {"Result": 1}
    assert await registrar.call(visit(), "RegisterDevice", {"RegistrationReqMsg": ""}) == {
        "RegistrationRespMsg": ""
    }
    with pytest.raises(gateway_errors.BadArgument):
        await registrar.call(visit(), "IsValidated", {})
    with pytest.raises(errors.InvalidAction):
        await registrar.call(visit(), "Fly", {})


@pytest.mark.parametrize("service", SERVICES, ids=lambda one: one.key)
def test_every_action_described_is_offered_and_every_variable_evented(service: object) -> None:
    rooms = {"content": CONTENT, "connection": ConnectionManager(), "registrar": Registrar()}
    room = rooms[service.key]
    data = resources.files("gateway.upnp.services").joinpath(f"{service.key}.xml").read_text()
    assert set(re.findall(r"<action>\s*<name>(\w+)", data)) == room.actions
    evented = set(re.findall(r'sendEvents="yes"><name>(\w+)', data))
    assert evented == set(room.variables(visit()))


def test_every_error_of_the_house_has_its_fault() -> None:
    named = {
        one
        for module in (gateway_errors, transcode_errors)
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, errors.ANSWERABLE)
    }
    assert named <= set(errors.FAULTS)
    assert errors.fault_of(ValueError("secret detail")) == (501, "Action Failed")


@pytest.mark.parametrize(
    ("headers", "name", "profile_class"),
    [
        ({}, "", "generic"),
        ({"User-Agent": "VLC/3.0.18 LibVLC/3.0.18"}, "VLC", "everything"),
        ({"User-Agent": "UPnP/1.0 DLNADOC/1.50 Kodi"}, "Kodi", "everything"),
        (
            {"User-Agent": "DLNADOC/1.50 SEC_HHP_[TV] Samsung Q7/1.0 UPnP/1.0"},
            "Samsung TV",
            "generic",
        ),
        (
            {"User-Agent": "Linux/3.10 UPnP/1.0 LGE%20WebOS%20TV LGE_DLNA_SDK/1.6"},
            "LG TV",
            "generic",
        ),
        ({"X-PANASONIC-Registration": "Vklx"}, "Panasonic TV", "generic"),
        ({"X-AV-Client-Info": 'av=5.0; mn="BRAVIA KDL-40EX725"; mv="1.7"'}, "Sony TV", "generic"),
    ],
)
def test_players_are_recognised(headers: dict[str, str], name: str, profile_class: str) -> None:
    assert recognise(headers) == Family(name, profile_class)


def test_a_player_is_called_by_its_own_name_first() -> None:
    samsung = Family("Samsung TV", "generic")
    assert player_name({"friendlyName.dlna.org": "Otthoni%20TV"}, samsung) == "Otthoni TV"
    assert player_name({"User-Agent": "x"}, samsung) == "Samsung TV"
    unknown = Family("", "generic")
    assert player_name({"User-Agent": "gupnp-universal-cp GUPnP/1.6"}, unknown) == (
        "gupnp-universal-cp GUPnP"
    )
    assert player_name({}, unknown) == "DLNA player"


@pytest.mark.parametrize(
    ("peer", "reaches", "expected"),
    [
        ("192.168.1.4", False, True),
        ("127.0.0.1", False, True),
        ("169.254.3.4", False, True),
        ("8.8.8.8", False, False),
        ("8.8.8.8", True, True),
        ("", False, False),
    ],
)
def test_only_the_house_speaks_upnp(peer: str, reaches: bool, expected: bool) -> None:
    assert is_of_the_house(peer, reaches) is expected
