module code.example.io/forge

go 1.22

toolchain go1.22.3

require (
	github.com/go-sql-driver/mysql v1.8.1
	github.com/lib/pq v1.10.9
	github.com/mattn/go-sqlite3 v1.14.22
	github.com/microsoft/go-mssqldb v1.7.2
	github.com/redis/go-redis/v9 v9.5.3
	github.com/bradfitz/gomemcache v0.0.0-20230905024940
	github.com/minio/minio-go/v7 v7.0.71
	github.com/olivere/elastic/v7 v7.0.32
)
