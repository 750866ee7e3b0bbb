module example.com/jobs
go 1.22
require (
	github.com/hibiken/asynq v0.24.1
	go.mongodb.org/mongo-driver/v2 v2.0.0
)
