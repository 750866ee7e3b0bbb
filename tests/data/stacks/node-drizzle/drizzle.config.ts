export default { schema: "./s.ts", dialect: "postgresql", dbCredentials: {url: process.env.DATABASE_URL} }
