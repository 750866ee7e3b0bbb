module example.com/lib
go 1.20
require (
	github.com/DATA-DOG/go-sqlmock v1.5.2
	github.com/alicebob/miniredis/v2 v2.33.0
	// github.com/lib/pq v1.10.9
	github.com/testcontainers/testcontainers-go v0.31.0
)
