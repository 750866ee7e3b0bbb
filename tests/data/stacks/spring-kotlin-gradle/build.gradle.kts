plugins { kotlin("jvm") version "2.0.0" }
java { toolchain { languageVersion = JavaLanguageVersion.of(21) } }
dependencies {
    implementation("org.springframework.boot:spring-boot-starter-data-mongodb")
    runtimeOnly("org.mariadb.jdbc:mariadb-java-client")
    testImplementation("redis.clients:jedis")
    // implementation("com.rabbitmq:amqp-client:5.20.0")
    testRuntimeOnly("com.h2database:h2")
}
