"""Every rule for a message, a set of messages or a feed: id, level, source, condition, what to do.

The book of the rules that hold for everybody; a profile brings its own in :mod:`tocsin.cap.profiles`. Levels:
an ``error`` breaks the standard, or misleads a machine; a ``warning`` makes a warning worse; an ``info`` is
worth knowing. Section numbers are those of CAP 1.2.
"""

from __future__ import annotations

from dataclasses import dataclass

from tocsin.cap.finding import LEVELS, Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule.

    Parameters
    ----------
    id : str
        ``area.polygon.open``.
    level : str
        ``error``, ``warning`` or ``info``.
    source : str
        Where it comes from: a section of the standard, a profile, practice.
    condition : str
        When it is broken.
    advice : str
        What the publisher should do.

    Examples
    --------
    >>> RULES["area.polygon.open"].level
    'error'
    """

    id: str
    level: str
    source: str
    condition: str
    advice: str

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"{self.id}: level: got {self.level!r}, allowed: {', '.join(LEVELS)}")

    def at(self, path: str, message: str) -> Finding:
        """The finding that this rule is broken at a place.

        Parameters
        ----------
        path : str
            Where.
        message : str
            What was got, what is allowed.

        Examples
        --------
        >>> RULES["doc.namespace"].at("alert", "got ''").level
        'error'
        """
        return Finding(rule=self.id, level=self.level, path=path, message=message)


def rules(*rows: tuple[str, str, str, str, str]) -> dict[str, Rule]:
    """Rules by id from rows of (id, level, source, condition, advice).

    Raises
    ------
    ValueError
        If two have one id.

    Examples
    --------
    >>> sorted(rules(("a.b", "info", "practice", "it is so", "know it")))
    ['a.b']
    """
    book: dict[str, Rule] = {}
    for name, level, source, condition, advice in rows:
        if name in book:
            raise ValueError(f"{name}: got this id twice, allowed: once")
        book[name] = Rule(id=name, level=level, source=source, condition=condition, advice=advice)
    return book


_CAP, _ALERT, _INFO = "CAP 1.2", "CAP 1.2 §3.2.1", "CAP 1.2 §3.2.2"
_RESOURCE, _AREA, _TIME = "CAP 1.2 §3.2.3", "CAP 1.2 §3.2.4", "CAP 1.2 §3.3.2"
_PROFILES = "profiles of CAP (CAP-AU, CAP-CP, IPAWS, Google)"

RULES = rules(
    # The document
    ("doc.not-well-formed", "error", "XML 1.0", "the bytes are no well-formed XML document",
     "Send it whole, written by an XML library: a cut transfer, a bare & or < and control bytes are usual."),
    ("doc.unreadable", "error", "practice", "the file cannot be opened", "Look at its rights and its disk."),
    ("doc.encoding", "error", "XML 1.0 §4.3.3", "the bytes do not decode with the declared encoding",
     "Declare the encoding that is used; best is UTF-8."),
    ("doc.doctype", "error", "practice", "there is a document type declaration",
     "Leave <!DOCTYPE …> out: no message needs one. A page of HTML comes from a wrong address or a proxy."),
    ("doc.oversize", "error", "practice; NAADS", "the document is larger than 5,000,000 bytes",
     "Simplify polygons, and give large files by address, not inside the message."),
    ("doc.namespace", "error", f"{_CAP} §3.1, §4.2", "the root is not alert of CAP 1.0, 1.1 or 1.2",
     'Write <alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"> as the root.'),
    ("doc.schema", "error", f"{_CAP} §4.2", "the message is not valid against the schema of its version",
     "Bring the element to the name, place, number and form that the schema of this version wants."),
    ("doc.foreign-element", "warning", f"{_CAP} §3.4",
     "there is an element or attribute of another namespace that is neither a signature nor a schema hint",
     "Put additions into parameter, where every reader finds them."),
    ("doc.version-old", "info", "CAP 1.0, 1.1", "the message is of CAP 1.0 or 1.1",
     "Move to CAP 1.2."),
    ("doc.order", "warning", _CAP, "an element stands out of the order of the standard (it was read)",
     "Write the elements in the order of the standard."),
    ("doc.repeated-element", "warning", _CAP,
     "an element that may stand once stands again (the first was read)",
     "Write it once."),
    ("doc.unknown-element", "warning", _CAP, "an element is not of the standard here (it was not read)",
     "Remove or rename it; put additions into parameter."),
    ("doc.container", "error", "practice", "the document is no message, feed or wrapper that is known",
     "Send a message, or a feed of messages."),
    ("doc.json-type", "warning", "practice", "a value in JSON is not of the type that is published",
     "Keep to the documented types."),
    ("doc.characters", "warning", "XML 1.0 §2.2", "a text in JSON holds characters that XML cannot carry",
     "Leave control characters out."),
    # The message
    ("alert.identifier.empty", "error", _ALERT, "identifier is missing or blank",
     "Give every message an identifier that is used once."),
    ("alert.identifier.chars", "error", _ALERT, "identifier holds a blank, comma, < or &",
     "Use letters, digits and . - _ : only; references cannot name it otherwise."),
    ("alert.sender.empty", "error", _ALERT, "sender is missing or blank",
     "Name the sender, for instance by a domain or an OID."),
    ("alert.sender.chars", "error", _ALERT, "sender holds a blank, comma, < or &",
     "Use a domain, an address or an OID; words belong into senderName."),
    ("alert.sent.format", "error", f"{_ALERT}, §3.3.2",
     "sent is missing, no real date, or not of the form YYYY-MM-DDThh:mm:ss±hh:mm",
     "Write local time and its offset: 2001-02-28T10:54:00-08:00."),
    ("alert.scope.restriction-missing", "error", _ALERT,
     "scope is Restricted and restriction is blank or missing",
     "Say in restriction who may read the message."),
    ("alert.scope.restriction-unneeded", "warning", "practice; google/cap-library",
     "restriction holds text and scope is not Restricted",
     "Remove restriction, or set scope to Restricted."),
    ("alert.scope.addresses-missing", "error", _ALERT, "scope is Private and addresses is blank or missing",
     "List the addressees."),
    ("alert.list.quotes", "error", _ALERT, "addresses or incidents has a double quote without its partner",
     "Put items with blanks between two double quotes."),
    ("alert.references.missing", "error", _ALERT, "an Update, Cancel, Ack or Error names no earlier message",
     "Name every message that it changes: sender,identifier,sent."),
    ("alert.references.form", "error", _ALERT, "an item of references is not sender,identifier,sent",
     "Write the three parts with commas and no blank."),
    ("alert.references.time", "error", f"{_ALERT}, §3.3.2",
     "the third part of an item of references is no CAP time",
     "Copy sent of the earlier message as it stood there."),
    ("alert.references.self", "error", "practice; google/cap-library",
     "an item of references names the message itself",
     "Give the new message an identifier of its own, and name the earlier one."),
    ("alert.references.postdated", "warning", "practice; google/cap-library",
     "an item of references has a time after sent",
     "Check the clock, and which message is meant."),
    ("alert.references.on-alert", "info", _ALERT, "a message of type Alert names earlier messages",
     "Use msgType Update when it goes on from earlier ones."),
    ("alert.note.error-missing", "warning", _ALERT, "msgType is Error and note is blank or missing",
     "Say in note why the message was refused."),
    ("alert.note.exercise-missing", "warning", _ALERT, "status is Exercise and note is blank or missing",
     "Say in note which exercise it is."),
    ("alert.status.not-actual", "info", _ALERT, "status is not Actual",
     "Never show it to the public as a warning."),
    ("alert.info.missing", "warning", _PROFILES, "an Alert or Update has no info",
     "Say in an info what happens, where and until when."),
    ("alert.password", "warning", "CAP 1.0, 1.1",
     "there is a password (removed from CAP 1.2; it is not kept)",
     "Remove it, and sign the message."),
    # Values
    ("text.enum-form", "error", f"{_CAP} §3.2",
     "a value is one of the standard's only after trimming or with other capitals (it was read so)",
     "Write it exactly as the standard does."),
    ("text.enum-value", "error", f"{_CAP} §3.2", "a value is none of those that the standard allows here",
     "Choose one of the allowed values."),
    ("text.empty-optional", "warning", f"{_CAP} §3.2", "an optional element is there and blank",
     "Leave the element out when there is nothing to say."),
    ("time.zulu", "error", _TIME, "a time ends in a letter such as Z",
     "Write the offset in digits: -00:00 for UTC."),
    ("time.format", "error", _TIME, "effective, onset or expires is no CAP time",
     "Write local time and its offset: 2001-02-28T10:54:00-08:00."),
    ("time.utc-plus", "warning", _TIME, "a time is written with +00:00",
     "Write -00:00 for UTC; +00:00 says that local time there is UTC."),
    ("time.implausible-year", "warning", "practice", "a time has a year before 2000 or after 2100",
     "Check the calendar: the year is that of the common era."),
    # One language of the message
    ("info.language.form", "warning", f"{_INFO}; RFC 3066", "language is no language tag",
     "Write a tag such as en, fr-CA or zh-Hant."),
    ("info.event.empty", "error", _INFO, "event is missing or blank", "Name the event in words."),
    ("info.category.differs", "warning", _PROFILES, "the infos have different categories",
     "Give all infos of a message the same categories."),
    ("info.eventcode.differs", "warning", _PROFILES, "the infos have different event codes",
     "Give all infos of a message the same event codes."),
    ("info.event.differs", "warning", _PROFILES, "two infos of one language name different events",
     "Send a message for each event."),
    ("info.certainty.very-likely", "warning", _INFO, "certainty is Very Likely (of CAP 1.0; read as Likely)",
     "Write Likely."),
    ("info.expires.missing", "warning", f"{_PROFILES}, WMO", "an info of an Alert or Update has no expires",
     "Say until when the warning holds; nobody can take it down otherwise."),
    ("info.expires.not-after-start", "error", _INFO, "expires is not later than effective (or sent)",
     "Check the times and their offsets: the warning is over before it begins."),
    ("info.onset.after-expires", "warning", "practice", "onset is later than expires",
     "Let the warning last until the event is over."),
    ("info.expires.far", "info", "practice", "expires is more than 30 days after sent",
     "Let it expire earlier and send updates."),
    ("info.headline.long", "info", _INFO, "headline is longer than 160 characters",
     "Keep to 160 characters, as one message to a phone."),
    ("info.description.missing", "warning", f"{_PROFILES}, WMO",
     "an info of an Alert or Update has no description",
     "Say what happens, how bad it is, and when."),
    ("info.instruction.missing", "warning", _PROFILES, "an info of an Alert or Update has no instruction",
     "Say what people should do."),
    ("info.responsetype.missing", "warning", _PROFILES, "an info of an Alert or Update has no responseType",
     "Give the kind of action to machines, too."),
    ("info.sendername.missing", "warning", _PROFILES, "an info of an Alert or Update has no senderName",
     "Name the authority in words."),
    ("info.text.repeated", "warning", "Google profile",
     "description is the headline again, or instruction the description",
     "Let every text say its own thing."),
    ("info.text.same-two-languages", "warning", "practice; google/cap-library",
     "two infos of different languages have the same headline, description or instruction",
     "Translate the text, or leave the second info out."),
    ("info.text.html", "warning", f"{_CAP} §3.3.3",
     "headline, description or instruction holds a tag or an entity of HTML",
     "Write plain text with line ends."),
    ("info.unknown", "info", "Google profile", "urgency, severity or certainty is Unknown",
     "Say it where it is known: readers sort and filter by it."),
    ("info.web.not-absolute", "error", _INFO, "web is no absolute address",
     "Write the whole address, with https://."),
    ("info.area.missing", "warning", _PROFILES, "an info of an Actual, Public Alert or Update has no area",
     "Say where."),
    ("pair.empty", "warning", f"{_INFO}, §3.2.4",
     "an eventCode, parameter or geocode has a blank name or value",
     "Give both, or leave the pair out."),
    # Files
    ("resource.desc.empty", "error", _RESOURCE, "resourceDesc is missing or blank", "Say what the file is."),
    ("resource.mimetype", "error", f"{_RESOURCE}; RFC 2046", "mimeType is not of the form type/subtype",
     "Write for instance image/png."),
    ("resource.uri.relative-no-deref", "error", _RESOURCE, "uri is relative and there is no derefUri",
     "Give the whole address, or the content in derefUri."),
    ("resource.uri.missing", "warning", _RESOURCE, "there is neither uri nor derefUri",
     "Give the address or the content, or leave the resource out."),
    ("resource.deref.base64", "error", _RESOURCE, "derefUri is not base64",
     "Encode the content in base64; an address belongs into uri."),
    ("resource.size", "warning", _RESOURCE,
     "size is no number of bytes, or not that of the content in derefUri",
     "Give the length of the file in bytes."),
    ("resource.digest", "error", _RESOURCE,
     "digest is not 40 hexadecimal digits, or not the SHA-1 of the content in derefUri",
     "Compute SHA-1 over the file and write it in hexadecimal digits."),
    # Where
    ("area.desc.empty", "error", _AREA, "areaDesc is missing or blank", "Name the area in words."),
    ("area.polygon.parse", "error", _AREA, "polygon is not pairs lat,lon with blanks between them",
     "Write 38.4,-120.1 38.5,-120.0 …: a comma in the pair, a blank between pairs, a point in the number."),
    ("area.polygon.few", "error", _AREA, "polygon has fewer than four pairs",
     "Give at least three corners and the first again."),
    ("area.polygon.open", "error", _AREA, "the first and the last pair of polygon differ",
     "Repeat the first pair at the end."),
    ("area.coords.range", "error", f"{_AREA} (WGS 84)", "a latitude is beyond 90 or a longitude beyond 180",
     "Write latitude first, then longitude, in degrees."),
    ("area.polygon.crossing", "warning", "practice; google/cap-library",
     "the edges of polygon cross or touch",
     "Split it into several polygons, or remove the crossing."),
    ("area.polygon.many", "info", "CMAC and WEA guidance", "polygon has more than 100 pairs",
     "Simplify it outward to 100 pairs: some channels carry no more."),
    ("area.polygon.antimeridian", "info", f"{_AREA} (silent)",
     "two pairs of polygon in turn are more than 180 degrees of longitude apart",
     "Split it at the antimeridian: some maps draw it around the world."),
    ("area.polygon.hole", "info", f"{_AREA} (has none)", "a shape in GeoJSON has holes (they were filled)",
     "Split the shape so that no part has a hole."),
    ("area.circle.parse", "error", _AREA, "circle is not lat,lon, a blank and a radius",
     "Write 38.4,-120.1 15 with the radius in kilometres."),
    ("area.circle.negative", "error", _AREA,
     "the radius of circle is negative", "Give a radius in kilometres."),
    ("area.circle.zero", "info", "Google profile", "the radius of circle is zero",
     "Give the radius in which the warning holds."),
    ("area.ceiling.no-altitude", "error", _AREA, "there is a ceiling and no altitude",
     "Give the altitude at which the layer begins."),
    ("area.ceiling.below", "error", "practice; google/cap-library", "ceiling is lower than altitude",
     "Exchange the two."),
    ("area.altitude.parse", "warning", _AREA, "altitude or ceiling is no number",
     "Give feet above mean sea level as a number."),
    ("area.no-shape", "warning", "Google profile", "an area has no polygon, no circle and no geocode",
     "Give a shape or a code: words alone are found by nobody's machine."),
    ("area.geocode-only", "info", "WMO guidance, Google profile",
     "an area has a geocode, no polygon and no circle",
     "Add a polygon: not every reader knows the codes."),
    # Signatures
    ("signature.present", "info", f"{_CAP} §3.3.4", "the message is signed",
     "Verify it on arrival, and keep verdict, certificate and time: tocsin cap verify."),
    ("signature.duplicate", "info", "NAADS practice", "the message has more than one signature",
     "Verify each by itself."),
    # Sets of messages
    ("set.duplicate-identity", "error", _ALERT,
     "two messages of one sender, identifier and sent have different content",
     "Give every message an identifier of its own; both are kept and shown."),
    ("set.references.circular", "error", "practice; google/cap-library",
     "messages name each other in a circle",
     "Name earlier messages only."),
    ("set.references.dangling", "warning", "practice", "references name a message that is not here",
     "Look for the missing message: the chain may be older than it seems."),
    ("set.references.incomplete", "warning", _PROFILES,
     "an Update or Cancel does not name every earlier message of its chain that has not expired",
     "Name them all: a reader that missed one keeps it standing."),
    ("set.references.foreign", "warning", "practice", "references name a message of another authority",
     "Let each authority end its own warnings."),
    ("set.reissue", "warning", "practice; wmo-raf/cap-aggregator",
     "a message says what another said less than an hour before, and does not name it",
     "Send an Update that names the first, or nothing."),
    # Feeds
    ("feed.id", "error", "RFC 4287; CAP Feeds", "a feed or entry has no id, or an item no guid",
     "Give every entry an id that never changes."),
    ("feed.id-duplicate", "error", "RFC 4287",
     "two entries have one id", "Give every entry an id of its own."),
    ("feed.link", "error", "CAP Feeds", "an entry has neither a link nor a message",
     "Link to the message (application/cap+xml), or put it into the entry."),
    ("feed.title", "error", "RFC 4287", "a feed or entry has no title", "Give it one."),
    ("feed.content", "warning", "EDXL-DE 1.0", "a content object holds no content that can be read",
     "Put the message into xmlContent."),
    ("feed.updated", "warning", "RFC 4287", "a feed or entry has no time of its last change",
     "Give updated in the form of RFC 3339."),
)  # fmt: skip
"""Rules by id, in the order in which a message is read."""
