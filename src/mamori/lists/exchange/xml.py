"""XML from strangers, read by expat with all that makes XML dangerous refused; and XML for them, written plainly."""

from typing import NoReturn
from xml.etree import ElementTree as ET
from xml.parsers import expat

MOST_BYTES = 64 * 1024
DEEPEST = 16


class XmlRefused(Exception):
    """Not XML, or more than is read: a document type, an entity, too long, too deep."""


def read_xml(data: bytes) -> ET.Element:
    """The root of a small document, names without their namespace. XmlRefused for anything else.

    A document type declaration is refused as a whole, so there are no entities to grow and nothing to fetch.
    """
    if len(data) > MOST_BYTES:
        raise XmlRefused(f"longer than {MOST_BYTES} bytes")
    builder = ET.TreeBuilder()
    depth = 0

    def opened(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise XmlRefused("nested too deeply")
        builder.start(local(name), {local(key): value for key, value in attributes.items()})

    def closed(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(local(name))

    def refused(*_: object) -> NoReturn:
        raise XmlRefused("declares a document type or an entity")

    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartElementHandler = opened
    parser.EndElementHandler = closed
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refused
    parser.EntityDeclHandler = refused
    parser.ExternalEntityRefHandler = refused
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise XmlRefused("not well-formed") from error
    return builder.close()


def local(name: str) -> str:
    return name.rpartition("}")[2]


def write_xml(root: ET.Element) -> bytes:
    for each in root.iter():
        each.text = storable(each.text)
        each.attrib = {key: storable(value) or "" for key, value in each.attrib.items()}
    data: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return data


def storable(text: str | None) -> str | None:
    """Without the characters that no XML document may hold."""
    if text is None:
        return None
    return "".join(
        c for c in text if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff"
    )
