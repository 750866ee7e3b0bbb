apt install postgresql redis
