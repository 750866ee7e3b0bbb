module example.com/orders

go 1.23.1

require github.com/jackc/pgx/v5 v5.6.0
require github.com/rabbitmq/amqp091-go v1.10.0
require github.com/alicebob/miniredis/v2 v2.33.0
