INSTALLED_APPS = []
DATABASES = {"default": {"ENGINE": "django.db.backends.mysql"}}
CELERY_BROKER_URL = "amqp://guest:guest@localhost:5672//"
