from django.apps import AppConfig


class TrainingExportConfig(AppConfig):
    name = "training_export"
