INSTALLED_APPS = []
DATABASES = {
    'default': {
        'ENGINE': 'django.db.backends.sqlite3',
        'NAME': BASE_DIR / 'db.sqlite3',
    }
}
# For production:
# DATABASES['default'] = {'ENGINE': 'django.db.backends.postgresql'}
