{
  # There is one build description, native/CMakeLists.txt; this hands over to it through cmake-js.
  "targets": [
    {
      "target_name": "lungcls",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake-js",
          "inputs": ["native/CMakeLists.txt"],
          "outputs": ["build/native/Release/lungcls.node"],
          "action": ["node", "scripts/build-addon.mjs"],
          "message": "Building the native addon with cmake-js"
        }
      ]
    }
  ]
}
