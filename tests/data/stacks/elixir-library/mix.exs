defmodule L.MixProject do
  def project, do: [elixir: "~> 1.12"]
  defp deps, do: [{:jason, "~> 1.0", optional: true}, {:postgrex, ">= 0.0.0", only: :docs}]
end
