"""The desk's frame: who gets in, and where each answer leads."""

from tests.support.desk import desk_client


def test_a_signed_in_person_sees_the_first_page(driver):
    page = desk_client(driver.context, "service").get("/desk")
    assert page.status == 200
    assert "Today" in page.text
    assert "People" not in page.text


def test_nobody_is_sent_to_the_sign_in(driver):
    client = desk_client(driver.context, "service")
    client.token = ""
    answer = client.get("/desk/orders/a%2Fb?q=1")
    assert (answer.status, answer.location) == (303, "/desk/sign-in?next=%2Fdesk%2Forders%2Fa%252Fb%3Fq%3D1")
