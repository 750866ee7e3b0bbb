from setuptools import setup
setup(
    name="scraper",
    install_requires=[
        "scrapy>=2",
        "pymongo[srv]>=4",  # storage
        # "redis",
        'pika>=1.3',
    ],
    extras_require={"es": ["elasticsearch"]},
)
