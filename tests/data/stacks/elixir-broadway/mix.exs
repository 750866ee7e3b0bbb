defmodule P.MixProject do
  defp deps, do: [{:broadway_rabbitmq, "~> 0.8"}, {:redix, "~> 1.5"}, {:mongodb_driver, "~> 1.4"}]
end
