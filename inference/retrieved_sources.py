"""What an answer says it rests on. There is no standard for it: the shapes of Perplexity, Azure OpenAI,
OpenAI's annotations, OpenRouter, Cohere, LangChain servers and Open WebUI are known here. Pure."""

from urllib.parse import urlsplit

from core.storable import text_fault

MAX_SOURCES = 100
MAX_CHARACTERS = 1_000_000  # of all their texts together
PLACES = ("citations", "sources", "documents", "search_results", "references", "annotations")
TITLES = ("title", "name", "filename", "file_name", "filepath", "document_name", "source")
TEXTS = ("text", "content", "snippet", "quote", "passage", "page_content", "document", "excerpt")
URLS = ("url", "uri", "link", "href")


class Sources:
    """All sources met so far, in order, each once: {title, text, url}, `url` "" or http(s)."""

    def __init__(self) -> None:
        self._found: list[dict] = []
        self._size = 0

    def all(self) -> list[dict]:
        return [dict(source) for source in self._found]

    def take(self, holder: dict) -> bool:
        """Look through one object of an answer; whether anything new was in it."""
        new = False
        for place in PLACES:
            values = holder.get(place)
            for value in values if isinstance(values, list) else []:
                for source in of(value, place):
                    new |= self._add(source)
        context = holder.get("context")  # Azure; LightRAG and others put it beside the choices
        if isinstance(context, dict):
            new |= self.take({place: context.get(place) for place in PLACES})
        return new

    def _add(self, source: dict) -> bool:
        for known in self._found:
            if source["url"] and known["url"] == source["url"]:  # an address first, its title and text later
                better = {
                    k: source[k]
                    for k in ("title", "text")
                    if source[k] and known[k] != source[k] and known[k] in ("", known["url"])
                }
                if not better or not self._fits(better):
                    return False
                known.update(better)
                return True
            if known == source:
                return False
        if len(self._found) >= MAX_SOURCES or not self._fits(source):
            return False
        self._found.append(source)
        return True

    def _fits(self, source: dict) -> bool:
        self._size += sum(map(len, source.values()))
        return self._size <= MAX_CHARACTERS


def of(value: object, place: str) -> list[dict]:
    """The sources one entry of the list `place` stands for."""
    if isinstance(value, str):
        url = web(value)
        if url:
            return [{"title": url, "text": "", "url": url}]
        if place == "citations" or not _storable(value):
            return []
        return [
            {"title": "", "text": value, "url": ""}
            if place == "documents"
            else {"title": value, "text": "", "url": ""}
        ]
    if not isinstance(value, dict):
        return []
    if place == "annotations":
        inner = value.get(str(value.get("type", "")))
        value = inner if isinstance(inner, dict) else value
        if not {*URLS, "filename", "quote"} & set(value):
            return []
    within = [value]
    within += [value[k] for k in ("metadata", "source", "document", "file") if isinstance(value.get(k), dict)]
    texts = value.get("document")
    if isinstance(texts, list):  # Open WebUI: one source, several passages, their metadata beside them
        about = value.get("metadata")
        about = about if isinstance(about, list) else []
        out = []
        for i, text in enumerate(texts):
            beside = [about[i]] if i < len(about) and isinstance(about[i], dict) else []
            out += _one([{"text": text}, *beside, *within])
        return out
    return _one(within)


def _one(within: list[dict]) -> list[dict]:
    url = next((u for d in within for k in URLS if (u := web(d.get(k)))), "") or next(
        (u for d in within if (u := web(d.get("source")))), ""
    )
    title = next((v for k in TITLES for d in within if (v := _text(d.get(k)))), "") or url
    text = next((v for k in TEXTS for d in within if (v := _text(d.get(k)))), "")
    return [{"title": title, "text": text, "url": url}] if title or text else []


def web(value: object) -> str:
    """The address if it is one a browser may be sent to, else ""."""
    if (
        not isinstance(value, str)
        or len(value) > 2000
        or not value.isprintable()
        or any(c in value for c in ' <>"\\`')
    ):
        return ""
    try:
        parts = urlsplit(value)
        return value if parts.scheme in ("http", "https") and parts.hostname and _storable(value) else ""
    except ValueError:
        return ""


def _text(value: object) -> str:
    return value if isinstance(value, str) and _storable(value) else ""


def _storable(text: str) -> bool:
    return not text_fault(text)
