module example.com/todo
go 1.22
require (
	gorm.io/gorm v1.25.10
	gorm.io/driver/sqlite v1.5.5
	gorm.io/driver/postgres v1.5.7
)
