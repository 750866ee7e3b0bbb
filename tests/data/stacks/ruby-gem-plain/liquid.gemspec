Gem::Specification.new do |s|
  s.name = "liquid"
  s.add_dependency "strscan"
  # s.add_dependency "redis"
end
