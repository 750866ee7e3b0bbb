module a
go 1.22
require github.com/lib/pq v1
