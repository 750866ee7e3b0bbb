Gem::Specification.new do |spec|
  spec.name = "queue"
  spec.required_ruby_version = ">= 3.1"
  spec.add_dependency "redis-client", ">= 0.22"
  spec.add_dependency "rack"
  spec.add_development_dependency "minitest"
end
