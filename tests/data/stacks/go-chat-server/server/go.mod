module example.com/server
go 1.21
require (
	github.com/lib/pq v1.10.9
	github.com/elastic/go-elasticsearch/v8 v8.12.0
	github.com/stretchr/testify v1.9.0
)
require (
	github.com/redis/go-redis/v9 v9.5.3 // indirect
	go.mongodb.org/mongo-driver v1.14.0 // indirect
)
