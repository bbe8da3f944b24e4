from django.apps import AppConfig


class CorpusConfig(AppConfig):
    name = "corpus"

    def ready(self):
        from core import registry

        registry.register_eraser("corpus.erasure", order=30)
