def write_page():
    print("no page yet")
