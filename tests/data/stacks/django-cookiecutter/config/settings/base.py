import environ
env = environ.Env()
DATABASES = {"default": env.db("DATABASE_URL")}
INSTALLED_APPS = []
REDIS_URL = env("REDIS_URL", default="redis://redis:6379/0")
CELERY_BROKER_URL = REDIS_URL
